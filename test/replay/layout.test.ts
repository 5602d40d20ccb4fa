/** Pages by address against a comparator, and mappings against a look at every one of them. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { byAddress, layoutOf } from '../../src/replay/layout.ts'
import { type TraceEvent, traceFromAccesses } from '../../src/trace/index.ts'

it('pages come in order of process and address', () => {
  const page = fc.tuple(fc.nat(70), fc.oneof(fc.nat(3000), fc.integer({ min: 0, max: 2 ** 52 - 1 })))
  fc.assert(
    fc.property(fc.array(page, { maxLength: 300 }), (pages) => {
      const pageProcess = Uint16Array.from(pages, ([process]) => process * 1000)
      const pageVpage = Float64Array.from(pages, ([, vpage]) => vpage)
      const wanted = pages.map((_, i) => i).sort((a, b) => pageProcess[a]! - pageProcess[b]! || pageVpage[a]! - pageVpage[b]! || a - b)
      expect([...byAddress({ meta: { pages: pages.length } as never, pageProcess, pageVpage })]).toEqual(wanted)
    }),
  )
})

it('a page belongs to the last mapping that holds it; elsewhere gaps divide', () => {
  const mapping = fc.record({ startVpage: fc.nat(300), pages: fc.integer({ min: 1, max: 120 }) })
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(600), { minLength: 1, maxLength: 80 }), fc.array(mapping, { maxLength: 5 }), (vpages, mappings) => {
      const events = mappings.map((mapped, i): TraceEvent => ({ timeNs: 0, kind: 'mmap', process: 0, name: `m${i}`, ...mapped }))
      const trace = traceFromAccesses(
        vpages.map((page, t) => ({ t: t + 1, page })),
        { events },
      )
      const sorted = mappings.map((mapped, i) => ({ ...mapped, name: `m${i}` })).sort((a, b) => a.startVpage - b.startVpage)
      const nameOf = (vpage: number) => sorted.findLast(({ startVpage, pages }) => startVpage <= vpage && vpage < startVpage + pages)?.name
      const { vmas } = layoutOf(trace).processes[0]!
      const found = new Map<number, string>()
      for (const { name, startVpage, ptes } of vmas)
        for (let k = 0; k < ptes.length; k++) if (ptes[k]! >= 0) found.set(trace.pageVpage[ptes[k]!]!, `${name} ${startVpage + k}`)
      for (const vpage of vpages) expect(found.get(vpage)).toMatch(nameOf(vpage) === undefined ? /^anon/ : new RegExp(`^${nameOf(vpage)} ${vpage}$`))
      for (const { name, ptes } of vmas) {
        const gaps = ptes.join(' ').match(/(-1 ?)+/g) ?? []
        if (name.startsWith('anon')) for (const gap of gaps) expect(gap.split('-1').length - 1).toBeLessThanOrEqual(32)
      }
    }),
  )
})
