/** DAMON the slow way: one list entry per page and region, everything counted anew at each sample. */
import type { Random } from '../../src/columns/index.ts'
import type { DamonSettings } from '../../src/policy/index.ts'
import type { PreparedTrace } from '../../src/trace/index.ts'
import type { PlainAccess } from './simulator.ts'

interface SlowRegion {
  range: number
  pages: number[]
  accesses: number
  last: number
  bp: number
  age: number
}

export function damonEyes(settings: DamonSettings, random: Random, trace: PreparedTrace, placement: Uint8Array, endNs: () => number) {
  const most = Math.max(1, Math.floor(settings.aggregation / settings.sample))
  const limit = Math.max(1, Math.floor(trace.meta.pages / settings.min))
  let regions = rangesOf(trace).flatMap((pages, range) =>
    pieces(pages, limit).map((piece): SlowRegion => ({ range, pages: piece, accesses: 0, last: 0, bp: 0, age: 0 })),
  )
  let log: PlainAccess[] = []
  const young = new Set<number>()
  let samples = 0
  let countBefore = 0

  const aggregate = (highest: number) => {
    let threshold = Math.floor(highest / 10)
    for (const region of regions) region.age = Math.abs(region.accesses - region.last) > threshold ? 0 : region.age + 1
    for (;;) {
      for (let i = 1; i < regions.length; ) {
        const [l, r] = [regions[i - 1]!, regions[i]!]
        const [sizeL, sizeR] = [l.pages.length, r.pages.length]
        if (l.range === r.range && Math.abs(l.accesses - r.accesses) <= threshold && sizeL + sizeR <= limit) {
          const mean = (a: number, b: number) => Math.floor((a * sizeL + b * sizeR) / (sizeL + sizeR))
          const accesses = mean(l.accesses, r.accesses)
          regions.splice(i - 1, 2, { range: l.range, pages: [...l.pages, ...r.pages], accesses, last: l.last, bp: accesses * 10_000, age: mean(l.age, r.age) })
        } else i++
      }
      threshold = Math.max(1, threshold * 2)
      if (regions.length <= settings.max || threshold / 2 >= most) break
    }
    for (const region of regions) {
      region.last = region.accesses
      region.accesses = 0
    }
    const count = regions.length
    if (count <= settings.max / 2) {
      const cuts = count === countBefore && count < settings.max / 3 ? 2 : 1
      const split: SlowRegion[] = []
      for (const region of regions) {
        const parts = [region]
        for (let cut = 0; cut < cuts && parts[0]!.pages.length > 2; cut++) {
          const left = Math.floor(((random.below(9) + 1) * parts[0]!.pages.length) / 10)
          if (left > 0) parts.splice(0, 1, { ...parts[0]!, pages: parts[0]!.pages.slice(0, left) }, { ...parts[0]!, pages: parts[0]!.pages.slice(left) })
        }
        split.push(...parts)
      }
      regions = split
    }
    countBefore = count
  }

  return {
    see(accesses: PlainAccess[]) {
      log.push(...accesses)
      for (const { page } of accesses) young.add(page)
      const due = Math.floor(endNs() / settings.sample) - samples
      if (due < 1) return
      for (let k = 0; k < due; k++) {
        for (const region of regions) {
          const page = region.pages[random.below(region.pages.length)]!
          const n = log.filter((access) => access.page === page).reduce((total, { weight }) => total + weight, 0)
          const hit = n > 0 && (due === 1 || random.float() < 1 - (1 - 1 / due) ** n)
          if (hit) young.add(page)
          else young.delete(page)
          region.accesses += hit ? 1 : 0
          region.bp = Math.max(0, region.bp - Math.floor((region.last * 10_000) / most) + (hit ? 10_000 : 0))
        }
        if (++samples % most === 0) aggregate(Math.max(...regions.map(({ accesses: a }) => a)))
      }
      log = []
    },
    look: () =>
      regions.map((region) => ({
        pages: () => Uint32Array.from(region.pages.filter((page) => placement[page] !== 255)),
        isYoung: (page: number) => young.delete(page),
        accessRate: region.bp / 10_000 / most,
        get age() {
          return region.age
        },
        set age(age) {
          region.age = age
        },
      })),
    forget: () => {},
  }
}

/** Pages of each process by address, parted at its two widest gaps. */
function rangesOf(trace: PreparedTrace): number[][] {
  return trace.processes.flatMap((_, process) => {
    const pages = [...trace.pageVpage.keys()].filter((page) => trace.pageProcess[page] === process).sort((a, b) => trace.pageVpage[a]! - trace.pageVpage[b]!)
    const gaps = pages
      .slice(1)
      .map((page, i) => ({ at: i + 1, width: trace.pageVpage[page]! - trace.pageVpage[pages[i]!]! - 1 }))
      .filter(({ width }) => width > 0)
      .sort((a, b) => b.width - a.width || a.at - b.at)
    const cuts = [
      0,
      ...gaps
        .slice(0, 2)
        .map(({ at }) => at)
        .sort((a, b) => a - b),
      pages.length,
    ]
    return cuts
      .slice(1)
      .map((end, i) => pages.slice(cuts[i], end))
      .filter((range) => range.length > 0)
  })
}

function pieces(pages: number[], limit: number): number[][] {
  const count = Math.max(1, Math.floor(pages.length / limit))
  const step = Math.floor(pages.length / count)
  return Array.from({ length: count }, (_, i) => pages.slice(i * step, i === count - 1 ? undefined : (i + 1) * step))
}
