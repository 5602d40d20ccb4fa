// P14: what one more lane takes, per page, beyond what all lanes share: peak memory with nine lanes less that with one.
import { LANE } from '../lib/bench.mjs'

const TRACE = 'zipf 16M'
const MORE = 8

/** Each kind of lane, nine of them: parameters that change no memory tell them apart. */
const KINDS = {
  'first-touch (static)': { spec: (i) => `preferred:nodes=${i % 8}${i < 8 ? '' : '-7'}`, target: 2 },
  'numa-balancing (hint faults)': { spec: (i) => `numa-balancing:young-scans=${i + 1}`, target: 2 },
  'hot-page-daemon (samples)': { spec: (i) => `hot-page-daemon:samples=${i + 1}` },
}

export default {
  ids: ['P14'],

  async measure(bench) {
    for (const [kind, { spec, target }] of Object.entries(KINDS)) {
      const peak = async (lanes) => {
        const { facts, lanes: replay, run } = await bench.opened(TRACE)
        await replay(
          Array.from({ length: lanes }, (_, i) => spec(i)),
          { options: LANE },
        )
        const { peakRss } = await run({ action: 'memory' })
        await bench.endCase()
        return { pages: facts.pages, peakRss }
      }
      const one = await peak(1)
      const nine = await peak(1 + MORE)
      bench.figure({
        id: 'P14',
        what: `one more lane of ${kind}, ${one.pages.toLocaleString('en')} pages`,
        unit: 'B/page',
        value: (nine.peakRss - one.peakRss) / MORE / one.pages,
        target,
        reason:
          'placement takes a byte, the task and cpu that faulted last one (two from 255 pairs of task and cpu on), the mark of the scanner a bit (the kernel has these in the pte and in struct folio): 2.13. A lane whose pages move adds the node each came from, for pages that go back and forth, in four bits for eight nodes and only up to the last page that moved (here a third of them): 0.17. The figure is the growth of peak memory, which hides what the trace took while it was read and differs by some 0.3 from run to run. Done: last task and cpu in a byte, marks as bits, where pages came from in bits, no signatures of groups for lanes that scan (from one to 25 lanes 3.78 B a page before the last three, 2.08 after). Mark and last in one byte would be 2 in all, but of at most 126 pairs, and the kernel and the policy would share it: conformance replays the marks without any policy',
      })
    }
  },
}
