/** A real browser for tests of HTML reports: Debian's chromium. Without it they are skipped, but never in CI. */
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { test } from 'vitest'

const EXECUTABLE = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))

/** For a page to load, draw or answer: seconds, on a machine that does nothing else. */
const PATIENCE_MS = 100_000

/** `browserTest(name, body)`: a test that says "no chromium" where there is none. */
export const browserTest: (name: string, body: () => Promise<void>) => void =
  EXECUTABLE !== undefined || process.env['CI'] ? (name, body) => test(name, body, 240_000) : (name) => test.skip(`${name} (no chromium)`)

export function launch(): Promise<Browser> {
  if (EXECUTABLE === undefined) throw new Error('no chromium: apt-get install chromium')
  return chromium.launch({
    executablePath: EXECUTABLE,
    timeout: PATIENCE_MS,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
}

/** Opens a file and notes everything that a quiet, self-contained page must not do. */
export async function openQuietly(browser: Browser, file: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<{ page: Page; noise: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1366, height: 768 }, ...options })
  page.setDefaultTimeout(PATIENCE_MS)
  const noise: string[] = []
  page.on('console', (message) => noise.push(`console ${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => noise.push(`error: ${error.message}`))
  page.on('dialog', (dialog) => {
    noise.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    if (request.url() !== `file://${file}`) noise.push(`request: ${request.url()}`)
  })
  await page.goto(`file://${file}`)
  return { page, noise }
}

/** Words of charts that reach out of their place, or lie on each other, each with its chart; and how many words there are. */
export async function wordsOf(page: Page): Promise<{ words: number; unreadable: string[] }> {
  return page.evaluate(`(() => {
    let words = 0
    const unreadable = [...document.querySelectorAll('figure .stage > svg')].flatMap((svg) => {
      const { id } = svg.closest('.mount')
      const place = svg.closest('.mount').getBoundingClientRect()
      const shown = [...svg.querySelectorAll('text')]
        .map((text) => ({ text: text.textContent, opacity: getComputedStyle(text).opacity, box: text.getBoundingClientRect() }))
        .filter(({ text, opacity, box }) => text.trim() !== '' && opacity !== '0' && box.width > 0)
      words += shown.length
      const cut = shown.filter(({ box }) => box.left < place.left - 1 || box.right > place.right + 1).map(({ text }) => id + ' cuts ' + text)
      // a little of the height of letters is empty
      const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4
      const over = shown.flatMap((one, i) => shown.slice(0, i).filter((other) => overlap(one.box, other.box)).map((other) => id + ' has ' + one.text + ' on ' + other.text))
      return [...cut, ...over]
    })
    return { words, unreadable }
  })()`)
}
