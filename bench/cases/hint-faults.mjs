// P3: hint-fault policies in the lane loop against the two-touch loop at every access; and what a callback per fault costs.
import { join } from 'node:path'
import { BENCH, LANE } from '../lib/bench.mjs'

const TARGETS = { 'zipf 10k': 2, 'zipf 1M': 2, 'mix 1M': 5, 'stream 1M': 5 }
const USERS = join(BENCH, 'plugins/two-touch.ts')

export default {
  ids: ['P3', 'user policy'],

  /** The user's policy marks everything in every epoch, so that a C loop can tell what must come out. */
  async check(bench) {
    for (const trace of bench.some(Object.keys(TARGETS))) {
      const { lanes } = await bench.opened(trace)
      const { counters, migrations } = await lanes([USERS])
      const hint = await bench.native('replay', 'hint', bench.generated(trace), bench.tick).run()
      bench.agree(`two-touch on hint faults, ${trace}`, { counters, migrations }, { counters: hint.counters, migrations: hint.migrations })
      await bench.endCase()
    }
  },

  async measure(bench) {
    for (const [trace, target] of bench.some(Object.entries(TARGETS))) {
      const { facts, lanes } = await bench.opened(trace)
      const online = bench.native('replay', 'online', bench.generated(trace))
      const common = { unit: 'M accesses/s', work: facts.accesses / 1e6 }
      await bench.compare({
        id: 'P3',
        what: `lane numa-balancing, ${trace}`,
        ...common,
        ours: () => lanes(['numa-balancing'], { options: LANE, placed: true }),
        theirs: () => online.run(),
        against: 'two-touch at each access, branches',
        target,
        reason:
          'the second pass over mix brings some 500,000 faults, over stream 312,000, over zipf 1M 1,100,000 with 104,000 promotions, and the statistics of each fault are those of the kernel, while the yardstick keeps a byte a page and counts nothing. By profile of the second pass of mix, 19 ms: counting 497,000 faults by key 20 %, marking 18 %, and 5 % to copy page table entries for it, accounting 10 %, settling the faults 6 %, verdicts and sums 14 %; of zipf, 52 ms: accounting 27 %, which pages came back 22 %, counting faults 20 %, settling 7 %, marking 8 %; of stream, 7 ms: marking 44 %, counting faults 20 %, accounting 10 %. What has helped most: faults of a tick in order of pages, once no fault can change the others, found 32 pages at a time, and sums that are alike for the policy told together (two alternating runs: mix 43 and 45 to 19 and 26 ms, zipf 98 and 82 to 54 and 57); with marking by a kernel, too, stream 15.4 to 9.1; with a branch for the few that move and one look at keys of faults, medians of five alternating runs: stream 15.7 to 9.1 ms, zipf 98 to 51, mix 33 to 19. No gain in that order: two banks of counts for faults (mix 12.5 to 14.1), faults listed in one loop and counted in another (mix the same, zipf 50 to 52), marking without a look whether all of 64 entries are marked (the table of stream, all of them marked: 2.0 against 1.5 ns an entry), that look unrolled (the same). Tried, each in alternation on a busy machine: marks as bits, which stay near the processor (zipf 1M 1.16 times as fast, mix 1.04, stream 1.06, within noise), then the marked touches found first, by the marks alone where no page is absent, and placement and last fault read of these only (zipf 1M 1.4 times as fast in all, of C 0.59 to 0.98 in one run and 0.56 to 0.81 in another; mix and stream the same); one word of marks kept while its pages are marked (stream 1.07, mix 1.04, zipf the same). Promotions of a sweep made together by a kernel where every node has room for them, not one by one (zipf 1M 1.5 times as fast: medians of four alternating runs 115 and 174 M accesses/s; mix the same). Keys of 64 faults worked out before any is counted were slower (0.95, mix 0.90). Earlier: a short road for promotions without records, and faults that only count told in sums by a kernel (measured together: mix 0.50 to 1.59, stream 1.29 to 2.7, zipf 1M 0.49 to 0.99 on a machine with other load); marking plain pages without asking for their state (in the 1.59); the last fault in one byte instead of two (nine lanes of zipf 16M 4.6 to 3.7 CPU s, one run each)',
      })
      const { hintFaults } = await lanes([USERS])
      const hint = bench.native('replay', 'hint', bench.generated(trace), bench.tick)
      await bench.compare({
        id: 'user policy',
        what: `two-touch.ts, a callback at each hint fault, ${trace}`,
        detail: `${hintFaults.toLocaleString('en')} faults in a pass`,
        ...common,
        ours: () => lanes([USERS], { options: LANE, placed: true }),
        theirs: () => hint.run(),
        against: 'the same policy in C, at each access',
      })
      await bench.endCase()
    }
  },
}
