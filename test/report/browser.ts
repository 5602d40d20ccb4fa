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
