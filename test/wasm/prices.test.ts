/** Cheapest paths under prices: WebAssembly and TypeScript agree, and both with all paths of a page, one by one. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type NodePrices, type PricedPages, plainWorkspace, stepsOf, WORDS_OF_STEP, type Workspace } from '../../src/wasm/index.ts'
import { onBoth } from './both.ts'

const TICKS = 12

interface Given {
  width: number
  movePs: number
  /** First ticks of the periods after the first. */
  cuts: number[]
  prices: number[]
  /** By page, ascending ticks: [tick, costs, whether the page is dropped before the next touch]. */
  pages: { tick: number; cost: number[]; isLast: boolean }[][]
}

const given: fc.Arbitrary<Given> = fc.constantFrom(2, 2, 3, 5).chain((width) => {
  const touch = fc.record({ tick: fc.nat(TICKS - 1), cost: fc.array(fc.nat(50), { minLength: width, maxLength: width }), isLast: fc.boolean() })
  return fc.record({
    width: fc.constant(width),
    movePs: fc.nat(40),
    cuts: fc.uniqueArray(fc.integer({ min: 1, max: TICKS - 1 }), { maxLength: 4 }).map((cuts) => cuts.sort((a, b) => a - b)),
    prices: fc.array(fc.nat(10), { minLength: 5 * width, maxLength: 5 * width }),
    pages: fc.array(
      fc.uniqueArray(touch, { maxLength: 5, selector: ({ tick }) => tick }).map((touches) => touches.sort((a, b) => a.tick - b.tick)),
      { maxLength: 4 },
    ),
  })
})

function columns({ u32, u8, f64 }: Workspace, { width, cuts, prices, pages }: Given): { pages: PricedPages; prices: NodePrices } {
  const touches = pages.flatMap((page) => page.map((touch, i) => ({ ...touch, until: until(page, i), enters: Number(i === 0 || page[i - 1]!.isLast) })))
  const filled = <A extends Uint32Array | Uint8Array | Float64Array>(array: A, values: number[]): A => {
    array.set(values)
    return array
  }
  const starts = pages.map((_, p) => pages.slice(0, p).flat().length)
  const n = touches.length
  const periods = cuts.length + 1
  return {
    pages: {
      pages: pages.length,
      start: filled(u32(pages.length + 1), [...starts, n]),
      tick: filled(
        u32(n),
        touches.map(({ tick }) => tick),
      ),
      cost: filled(
        f64(n * width),
        touches.flatMap(({ cost }) => cost),
      ),
      until: filled(
        u32(n),
        touches.map((touch) => touch.until),
      ),
      enters: filled(
        u8(n),
        touches.map(({ enters }) => enters),
      ),
    },
    prices: { periods, periodStart: filled(u32(periods + 1), [0, ...cuts, TICKS]), perTick: filled(f64(width * periods), prices.slice(0, width * periods)) },
  }
}

/** A page that is dropped leaves a tick after its touch. */
function until(page: Given['pages'][number], i: number): number {
  return page[i]!.isLast ? page[i]!.tick + 1 : (page[i + 1]?.tick ?? TICKS)
}

/** The least that a page can cost, by trying every node in every tick. */
function leastOf(page: Given['pages'][number], { width, movePs, cuts, prices }: Given): number {
  const periods = cuts.length + 1
  const price = (node: number, tick: number): number => prices[node * periods + cuts.filter((cut) => cut <= tick).length]!
  let best = Array.from({ length: width }, () => 0)
  for (const [i, { tick, cost }] of page.entries()) {
    const enters = i === 0 || page[i - 1]!.isLast
    for (let now = tick; now < until(page, i); now++) {
      const move = now === tick && enters ? 0 : movePs
      const before = best
      best = before.map((_, m) => {
        const reached = Math.min(...before.map((ps, from) => ps + (from === m ? 0 : move)))
        return reached + price(m, now) + (now === tick ? cost[m]! : 0)
      })
    }
  }
  return Math.min(...best)
}

it('pricedPaths', () => {
  fc.assert(
    fc.property(given, (one) => {
      const result = onBoth((space) => {
        const { pages, prices } = columns(space, one)
        const used = space.f64(one.width * prices.periods)
        const scratch = { path: space.f64(one.width), trail: space.u32(WORDS_OF_STEP * stepsOf(pages, prices.periods)) }
        return { ps: space.kernels.pricedPaths(pages, one.movePs, prices, used, scratch), used: [...used] }
      })
      expect(result.ps).toBe(one.pages.reduce((sum, page) => sum + leastOf(page, one), 0))
      const inMemory = one.pages.flatMap((page) => page.map(({ tick }, i) => until(page, i) - tick)).reduce((sum, ticks) => sum + ticks, 0)
      expect(result.used.reduce((sum, ticks) => sum + ticks, 0)).toBe(inMemory)
    }),
    { numRuns: 500 },
  )
})

it('no path has more decisions than there is room for', () => {
  fc.assert(
    fc.property(given, (one) => {
      const { pages, prices } = columns(plainWorkspace, one)
      const room = WORDS_OF_STEP * stepsOf(pages, prices.periods)
      const trail = new Uint32Array(room + WORDS_OF_STEP).fill(7, room)
      const scratch = { path: new Float64Array(one.width), trail }
      plainWorkspace.kernels.pricedPaths(pages, one.movePs, prices, new Float64Array(one.width * prices.periods), scratch)
      expect([...trail.subarray(room)]).toEqual(Array(WORDS_OF_STEP).fill(7))
    }),
  )
})
