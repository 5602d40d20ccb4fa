import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { loadReports, renderHtml, reportsFor } from '../../src/report/index.ts'
import { SIX_LANES, sampleRun } from '../fixtures/sample-run.ts'
import { browserTest, launch, openQuietly, wordsOf } from './browser.ts'

const folder = mkdtempSync(join(tmpdir(), 'html-report-'))
const reports = await loadReports()
const run = sampleRun({ residency: true })
const html = await renderHtml(run, reports)
const file = join(folder, 'report.html')
writeFileSync(file, html)

const HOSTILE = [
  'first-touch',
  '</script><script>alert(1)</script>',
  '"><img src=x onerror=alert(2)>',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a name that looks like a template
  "it's {{datum}} ${1+1} `x` \\u003c",
  '<svg/onload=alert(3)>',
  'javascript:alert(4)//&lt;',
]
const hostileFile = join(folder, 'hostile.html')
const hostileTrace = '/tmp/<b>x</b>"onload=alert(5)/</title><script>alert(6)</script>.csv'
const hostileHtml = await renderHtml(sampleRun({ lanes: HOSTILE, traceFile: hostileTrace }), reports)
writeFileSync(hostileFile, hostileHtml)

const sampledFile = join(folder, 'sampled.html')
writeFileSync(sampledFile, await renderHtml(sampleRun({ sampled: true, lanes: ['first-touch', 'hot-page-daemon', 'numa-balancing'], bins: 40 }), reports))

let browser: Browser | undefined
const browserOnce = async (): Promise<Browser> => {
  browser ??= await launch()
  return browser
}
afterAll(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('the file', () => {
  test('is the same every time and of a reasonable size', async () => {
    expect(await renderHtml(sampleRun({ residency: true }), reports)).toBe(html)
    expect(html.length).toBeLessThan(1_800_000)
  })

  test('a report is left out where the run has nothing of it', () => {
    const names = (of: typeof run) => reportsFor(of, reports).map(({ name }) => name)
    expect(names(run)).toEqual(reports.map(({ name }) => name))
    expect(names(sampleRun())).toEqual(names(run).filter((name) => name !== 'residency'))
  })

  test('loads nothing: no reference leaves the page', () => {
    const outside = [...html.matchAll(/(?:src|href|action)\s*=\s*["']?([^"'\s>]+)/g)].map(([, target]) => target!).filter((target) => !target.startsWith('#'))
    // what is left stands inside the script, as text
    const script = html.slice(html.lastIndexOf('<script>'))
    expect(outside.filter((target) => !script.includes(target))).toEqual([])
    expect(html).toContain("default-src 'none'")
    expect(html).not.toContain('unsafe-eval')
  })

  test('says what was run, how to run it again, and what to beware of', () => {
    expect(html).toContain('numareplay replay traces/samples/init-by-one.csv.gz -m 2-socket -p first-touch')
    expect(html).toContain(run.record.trace.digest)
    expect(html.indexOf('inferred from SLIT distances')).toBeLessThan(html.indexOf('id="summary"'))
    expect(html).toContain('is not filtered by a cache model')
  })

  test('has a picture and a table in it before any script runs', () => {
    const still = html.slice(0, html.indexOf('id="report-data"'))
    const charts = reports.flatMap(({ report }) => report.charts(run)).filter(({ data }) => Object.values(data).some((rows) => rows.length > 0))
    expect(still.match(/<div class="still" aria-hidden="true"><svg/g)).toHaveLength(charts.length)
    expect(still.match(/<table>/g)!.length).toBeGreaterThanOrEqual(reports.length)
  })

  test('hostile names stay text', () => {
    const scripts = hostileHtml.match(/<script\b/g)!
    expect(scripts).toHaveLength(2)
    expect(hostileHtml).not.toMatch(/<img|<b>x|<svg\/onload/)
    expect(hostileHtml).toContain('&lt;/script&gt;&lt;script&gt;alert(1)')
  })
})

const marks = (page: Page) =>
  page.$$eval('.mount', (mounts) =>
    mounts.map((mount) => ({
      id: mount.id,
      live: mount.getAttribute('data-live'),
      still: mount.querySelectorAll('.still').length,
      marks: mount.querySelectorAll('.stage svg [class^="mark-"] :is(path, line, text):not(.background):not(.foreground)').length,
    })),
  )
const updates = (page: Page) => page.locator('html').getAttribute('data-updates').then(Number)
const pictures = (page: Page) => page.$$eval('.mount .stage svg', (all) => all.map((svg) => svg.outerHTML))
/** The same, with the labels and ticks of each axis in an order of their own: those that come back may stand later in the document, at the same place. */
const sortedPictures = (page: Page) =>
  page.$$eval('.mount .stage svg', (all) =>
    all.map((svg) => {
      const copy = svg.cloneNode(true) as typeof svg
      for (const group of copy.querySelectorAll(':is(.role-axis-label, .role-axis-tick, .role-axis-grid)')) {
        const items = [...group.children].map((item) => item.outerHTML).sort()
        group.innerHTML = items.join('')
      }
      return copy.outerHTML
    }),
  )

describe('in a browser', () => {
  browserTest('every chart draws marks, nothing is requested, the console stays silent', async () => {
    const { page, noise } = await openQuietly(await browserOnce(), file)
    await page.waitForSelector('html[data-ready]')
    const drawn = await marks(page)
    expect(drawn.length).toBeGreaterThan(12)
    for (const chart of drawn) expect(chart).toMatchObject({ live: 'true', still: 0 })
    for (const chart of drawn) expect(chart.marks, chart.id).toBeGreaterThan(4)
    expect(noise).toEqual([])
    await page.close()
  })

  browserTest('all charts follow the choice of policies', async () => {
    const { page, noise } = await openQuietly(await browserOnce(), file)
    await page.waitForSelector('html[data-ready]')
    const [before, sorted] = [await pictures(page), await sortedPictures(page)]
    await page.getByRole('button', { name: 'numa-balancing' }).click()
    await expect.poll(() => updates(page)).toBe(1)
    const after = await pictures(page)
    const holds = reports.flatMap(({ report }) =>
      report
        .charts(run)
        .filter(({ data }) => Object.values(data).some((rows) => rows.length > 0))
        .map(({ data }) => Object.values(data).some((rows) => rows.some((row) => row['lane'] === 'numa-balancing'))),
    )
    expect(holds.filter(Boolean).length).toBeGreaterThan(14)
    expect(after.map((svg, i) => svg !== before[i])).toEqual(holds)
    for (const svg of after) expect(svg).not.toContain('>numa-balancing<')
    expect(await page.locator('tr[data-lane="numa-balancing"]:visible').count()).toBe(0)
    await page.getByRole('button', { name: 'show all' }).click()
    await expect.poll(() => updates(page)).toBe(2)
    const again = await sortedPictures(page)
    const ids = await page.$$eval('.mount', (mounts) => mounts.map(({ id }) => id))
    expect(ids.filter((_, i) => again[i] !== sorted[i])).toEqual([])
    expect(noise).toEqual([])
    await page.close()
  })

  browserTest('on a phone no word of a chart is cut or lies on another', async () => {
    const wide = join(folder, 'phone.html')
    writeFileSync(wide, await renderHtml(sampleRun({ sampled: true, residency: true, lanes: SIX_LANES, bins: 40 }), reports))
    const { page } = await openQuietly(await browserOnce(), wide, { viewport: { width: 390, height: 844 } })
    await page.waitForSelector('html[data-ready]')
    const { words, unreadable } = await wordsOf(page)
    expect(words).toBeGreaterThan(300)
    expect(unreadable).toEqual([])
    await page.close()
  })

  browserTest('on paper charts have its width, and no word of them is cut or lies on another', async () => {
    const { page } = await openQuietly(await browserOnce(), file, { viewport: { width: 1366, height: 900 } })
    await page.waitForSelector('html[data-ready]')
    await page.setViewportSize({ width: 703, height: 1000 }) // A4 less the margins of the style sheet
    await page.waitForTimeout(300)
    await page.emulateMedia({ media: 'print' })
    await page.evaluate('dispatchEvent(new Event("beforeprint"))')
    await page.waitForTimeout(300)
    const { words, unreadable } = await wordsOf(page)
    expect(words).toBeGreaterThan(300)
    expect(unreadable).toEqual([])
    // letters keep their size: pictures are drawn for the paper rather than shrunk to it
    const scales = await page.$$eval('.mount', (mounts) =>
      mounts.map((mount) => {
        const svg = mount.querySelector('.stage svg')!
        return { id: mount.id, scale: svg.getBoundingClientRect().width / Number(svg.getAttribute('width')) }
      }),
    )
    for (const { id, scale } of scales) {
      expect(scale, id).toBeGreaterThan(0.85)
      expect(scale, id).toBeLessThan(1.25)
    }
    expect(await page.$$eval('details', (all) => all.every((details) => (details as unknown as { open: boolean }).open))).toBe(true)
    await page.evaluate('dispatchEvent(new Event("afterprint"))')
    expect(await page.$$eval('details', (all) => all.some((details) => (details as unknown as { open: boolean }).open))).toBe(false)
    // and back: on every width of the window charts fill their place
    await page.emulateMedia({ media: 'screen' })
    for (const width of [1366, 900]) {
      await page.setViewportSize({ width, height: 900 })
      await page.waitForTimeout(600)
      const drawn = await page.$$eval('.mount', (mounts) =>
        mounts.map((mount) => ({ id: mount.id, share: Number(mount.querySelector('.stage svg')!.getAttribute('width')) / mount.clientWidth })),
      )
      for (const { id, share } of drawn) expect(share, `${id} at ${width} pixels`).toBeGreaterThan(0.7)
    }
    await page.close()
  })

  browserTest('bands and lines of a sample follow the window, and come back with the whole run', async () => {
    const { page, noise } = await openQuietly(await browserOnce(), sampledFile)
    await page.waitForSelector('html[data-ready]')
    const drawn = () =>
      page.$$eval('.mount', (mounts) =>
        mounts.map((mount) => [mount.id, mount.querySelectorAll('.stage .mark-rule.role-mark line, .stage .mark-area path:not(.background)').length] as const),
      )
    // not the strips of time, which get fewer bars, nor what is known for the whole run only
    const stay = /mean-latency|local-share|over-time$|pages-per-node|migration-outcome|ping-pong-pages|latency-cdf|latency-stack$|vmstat-counters/
    const kept = async () => (await drawn()).filter(([id]) => stay.test(id) && !id.endsWith('cost-over-time'))
    const whole = await kept()
    expect(whole.length).toBe(11)
    for (const [id, intervals] of whole) expect(intervals, id).toBeGreaterThan(0)
    const before = await sortedPictures(page)
    await page.getByRole('slider', { name: /Start of the time window/ }).fill('20')
    await expect.poll(() => updates(page)).toBe(1)
    expect(await kept()).toEqual(whole)
    await page.getByRole('button', { name: 'show all' }).click()
    await expect.poll(() => updates(page)).toBe(2)
    const again = await sortedPictures(page)
    const ids = (await drawn()).map(([id]) => id)
    // sums that rows left and came back to differ in their last digits
    const rounded = (svg: string) => svg.replace(/\d+\.\d{3,}/g, (digits) => Number(digits).toFixed(2))
    expect(ids.filter((id, i) => whole.some(([one]) => one === id) && rounded(again[i]!) !== rounded(before[i]!))).toEqual([])
    expect(noise).toEqual([])
    await page.close()
  })

  browserTest('a policy and a window are chosen, and every chart follows', async () => {
    const { page, noise } = await openQuietly(await browserOnce(), file)
    await page.waitForSelector('html[data-ready]')
    const before = await pictures(page)
    await page.getByRole('slider', { name: /Start of the time window/ }).fill('80')
    await expect.poll(() => updates(page)).toBe(1)
    const after = await pictures(page)
    const ids = await page.$$eval('.mount', (mounts) => mounts.map(({ id }) => id))
    const same = ids.filter((_, i) => after[i] === before[i])
    // The bound of the optimum is known for the whole run only, residency at its end, and they say so
    expect(same).toEqual(['optimum-above-optimum', 'optimum-possible-gain', 'residency-residency-agreement', 'residency-residency-matrix'])
    const badges = await page.$$eval('figure .badge', (all) => all.filter((badge) => badge.getClientRects().length > 0).map((badge) => badge.textContent))
    expect(badges.filter((text) => text?.startsWith('whole run'))).toHaveLength(same.length)
    expect(await page.locator('#window-text').textContent()).toBe('20 to 30 s')
    await page.getByRole('button', { name: 'numa-balancing' }).click({ modifiers: ['Shift'] })
    await expect.poll(() => updates(page)).toBe(2)
    const alone = await pictures(page)
    expect(ids.filter((_, i) => alone[i] === after[i])).toEqual([])
    for (const svg of alone) expect(svg).not.toContain('>manual<')
    expect(noise).toEqual([])
    await page.close()
  })

  browserTest('stretches are added up: a window between their edges is shown to the nearest, and that is said', async () => {
    const { page } = await openQuietly(await browserOnce(), file)
    await page.waitForSelector('html[data-ready]')
    await page.getByRole('slider', { name: /Start of the time window/ }).fill('61')
    await expect.poll(() => updates(page)).toBe(1)
    // 120 bins of 250 ms in stretches of three
    expect(await page.locator('figure:has(#traffic-traffic-matrix) .badge').textContent()).toBe('shows 15 to 30 s')
    const reads = (table: string, from: number) =>
      run
        .rows(table)
        .filter((row) => row['lane'] === 'manual' && row['from_node'] === 0 && ((row['time_ns'] as number | undefined) ?? Number.POSITIVE_INFINITY) > from)
        .reduce((sum, row) => sum + (row['reads'] as number) + (row['writes'] as number), 0)
    const total = run
      .rows('traffic_over_time')
      .filter((row) => row['lane'] === 'manual' && (row['time_ns'] as number) > 15e9)
      .reduce((sum, row) => sum + (row['reads'] as number) + (row['writes'] as number), 0)
    const cells = await page.$$eval('#traffic-traffic-matrix .mark-text.role-mark text', (texts) => texts.map((text) => text.textContent))
    const shares = cells.slice(4 * SIX_LANES.indexOf('manual'), 4 * SIX_LANES.indexOf('manual') + 4).map((text) => Number.parseInt(text!, 10))
    expect(shares.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(98)
    expect(Math.abs(shares[0]! + shares[1]! - (100 * reads('traffic_over_time', 15e9)) / total)).toBeLessThanOrEqual(1)
    await page.close()
  })

  browserTest('the figures of a window are those of the rows in it', async () => {
    const { page } = await openQuietly(await browserOnce(), file)
    await page.waitForSelector('html[data-ready]')
    await page.getByRole('slider', { name: /Start of the time window/ }).fill('60')
    await expect.poll(() => updates(page)).toBe(1)
    const rows = run.rows('epochs').filter((row) => row['lane'] === 'manual' && (row['time_ns'] as number) > 15e9)
    const sum = (name: string) => rows.reduce((total, row) => total + (row[name] as number), 0)
    const expected = (sum('memory_stall_ns') / (sum('local') + sum('remote'))).toFixed(1)
    const shown = await page.$$eval('#summary-mean-latency .mark-text.role-mark text', (texts) => texts.map((text) => text.textContent))
    expect(shown[SIX_LANES.indexOf('manual')]).toBe(expected)
    await page.close()
  })

  browserTest('hostile names are shown and do nothing', async () => {
    const { page, noise } = await openQuietly(await browserOnce(), hostileFile)
    await page.waitForSelector('html[data-ready]')
    expect(await page.locator('h1').textContent()).toContain('</title><script>alert(6)</script>.csv'.split('/').at(-1))
    await page.hover('#summary-mean-latency .mark-rect path >> nth=1')
    await expect.poll(() => page.locator('#tooltip').textContent()).toContain('</script><script>alert(1)</script>')
    expect(noise).toEqual([])
    await page.close()
  })

  browserTest('dark and light differ in colours only, and print is light', async () => {
    const chromium = await browserOnce()
    const { page } = await openQuietly(chromium, file, { colorScheme: 'dark' })
    await page.waitForSelector('html[data-ready]')
    const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    expect(await background()).toBe('rgb(15, 19, 26)')
    await page.locator('#theme').click()
    expect(await background()).toBe('rgb(245, 246, 249)')
    await page.locator('#theme').click()
    expect(await background()).toBe('rgb(15, 19, 26)')
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    expect(await background()).toBe('rgb(255, 255, 255)')
    await page.close()
  })

  browserTest('axe finds no serious violation, in light and dark', async () => {
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
    for (const colorScheme of ['light', 'dark'] as const) {
      // The page's own policy forbids scripts that are not its own
      const { page } = await openQuietly(await browserOnce(), file, { colorScheme, bypassCSP: true })
      await page.waitForSelector('html[data-ready]')
      await page.$$eval('details', (all) => {
        for (const details of all) (details as unknown as { open: boolean }).open = true
      })
      await page.addScriptTag({ content: axe })
      const found = await page.evaluate<string[]>(`axe.run().then(({ violations }) => violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ' ' + target.join(' ') + ': ' + failureSummary)))`)
      expect(found, colorScheme).toEqual([])
      await page.close()
    }
  })

  browserTest('nothing is wider than a laptop or a phone', async () => {
    for (const width of [1366, 390]) {
      const { page } = await openQuietly(await browserOnce(), file, { viewport: { width, height: 768 } })
      await page.waitForSelector('html[data-ready]')
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
      // nor does a picture reach beyond its card
      const cut = await page.$$eval('.mount', (mounts) =>
        mounts.filter((mount) => mount.querySelector('.stage svg')!.getBoundingClientRect().width > mount.clientWidth + 2).map(({ id }) => id),
      )
      expect(cut, `${width} pixels`).toEqual([])
      await page.close()
    }
  })

  browserTest('reads without JavaScript, and every control has a name', async () => {
    const { page } = await openQuietly(await browserOnce(), file, { javaScriptEnabled: false })
    expect(await page.locator('.still svg').first().isVisible()).toBe(true)
    expect(await page.locator('.window').isVisible()).toBe(false)
    expect(await page.locator('table').first().isVisible()).toBe(true)
    await page.close()
    const { page: live } = await openQuietly(await browserOnce(), file)
    await live.waitForSelector('html[data-ready]')
    const nameless = await live.$$eval('button, input, [role=img]', (all) =>
      all.filter((one) => !(one.getAttribute('aria-label') || one.textContent?.trim() || one.getAttribute('title'))).map((one) => one.outerHTML),
    )
    expect(nameless).toEqual([])
    const levels = await live.$$eval('h1, h2, h3, h4', (all) => all.map((heading) => Number(heading.tagName[1])))
    for (let i = 1; i < levels.length; i++) expect(levels[i]! - levels[i - 1]!).toBeLessThanOrEqual(1)
    await live.close()
  })
})
