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
          'the second pass over mix brings 501,000 faults, and the statistics of each are those of the kernel, while the yardstick keeps a byte a page and counts nothing. Where its 4.7 ms go: counting faults by key 1.5, accounting 0.8, faults in turn until nobody is due 0.5, times and rows of the ticks 0.4, telling sums 0.4, verdicts of keys and their sums 0.35, settling 0.25, the rest is spread thin. Tried with success, in alternation (ms of the second passes, each from the one before): faults of a tick in order of pages, found 32 pages at a time, and sums that are alike told together (mix 44 to 22, zipf 90 to 55); plain pages marked by a kernel (stream 15.4 to 9.1); a branch for the few that move and one look at keys (mix 22 to 19, zipf 55 to 51); pages that came back in half a byte each instead of a hashed table (zipf 54 to 50); ranges that the scanner comes by again marked word by word (mix 20 to 14, stream 9.4 to 5.4, zipf 50 to 42); and on a faster machine (mix 5.7 to 4.7): what only counts not listed, keys looked at and summed by kernels, runs of 32 faults counted 16 at a time, pages of runs with few touches without a branch. Without: two banks of counts for faults (mix 12.5 to 14.1), faults listed in one loop and counted in another (mix the same, zipf 50 to 52), the look whether 64 entries are marked unrolled, event counters by a map instead of an object (the same)',
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
