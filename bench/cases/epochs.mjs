// P1, P2, P4: lanes over the stored fold. P1, P2: against the plain loop over all accesses that knows the placement. P4: against
// counting (page, node) at every access, which is what a policy that acts on epochs needs.
import { LANE } from '../lib/bench.mjs'

const CASES = {
  'zipf 10k': { P1: 0.85 },
  'zipf 1M': { P2: 0.75, P4: 40 },
  'zipf 16M': { P2: 0.85, P4: 15 },
  'mix 1M': { P2: 0.75, P4: 80 },
  'stream 1M': { P2: 0.75, P4: 80 },
}

const P4_REASON =
  'nearly all is the loop over pairs of 32 bits: 0.83 to 0.85 ns each on this machine for all traces (2.0 to 2.4 on one that is slower), 0.54 with nothing but its loads and no cells. The same loop by gcc -O3 -march=native takes 0.60 (1.2 to 1.9 there): with it, too, the 812,108 pairs of mix and 20 ticks would miss 80, at 0.49 ms and 0.25 of the 0.64 that are allowed, and the 6.8 million pairs of zipf 1M would take 4.1 of 5.5. The rest are the ticks, some 12 µs each to turn counts into times and rows, and the tables at the end. Tried with success: 32 bits instead of 128 and four banks (medians of some 100 passes, alternating on a busy machine: mix 3.4 to 2.5 ms, stream 1.4 to 0.7, zipf 1M 20 to 15), classes of latency by shifts (27 to 2 ns each, 64 a tick), blocks kept where the kernel reads them instead of copied, no sums of accesses and fewer objects in rows. Without (ns a pair of mix against 0.83 to 0.85): eight banks (0.86), four records decoded by vectors (0.91), sums of 32 bits (0.83), cells by node and then actor (0.96), pairs of a tick in order of their actors (1.09; in 16 bits 0.94 here, but 0.75 against 0.84 on zipf 1M), banks of a cell side by side or shifts that are known before (the same within the noise); earlier: fields loaded as bytes (2.3 against 2.2), sums kept while the cell stays the same (3.1), both halves of a tick side by side (2.5). The ratio moves with the neighbours, as counting at each access waits for memory: three runs within three hours, of which this table is the second, had 34.5, 36.3 and 49.5 on zipf 1M, 81, 64 and 77 on stream, 46, 39 and 40 on mix (on the clock 52, 41 and 55)'

export default {
  ids: ['P1', 'P2', 'P4'],

  async check(bench) {
    for (const trace of bench.some(Object.keys(CASES))) {
      const product = await bench.opened(trace)
      const fold = await bench.native('fold', bench.generated(trace), bench.tick).run()
      bench.agree(`accesses per (tick, page, cpu, op) of ${trace}`, (await product.run({ action: 'foldHash' })).hash, fold.hash)
      const replay = await bench.native('replay', 'static4', bench.generated(trace)).run()
      bench.agree(`accesses by (cpu node, memory node, op) under first touch, ${trace}`, (await product.lanes(['first-touch'])).counters, replay.counters)
      await bench.endCase()
    }
  },

  async measure(bench) {
    for (const [trace, targets] of bench.some(Object.entries(CASES))) {
      const { facts, lanes } = await bench.opened(trace)
      const each = `${(facts.accesses / facts.pairs).toFixed(1)} accesses a pair`
      const common = { unit: 'M accesses/s', work: facts.accesses / 1e6 }
      const static4 = bench.native('replay', 'static4', bench.generated(trace))
      const count = bench.native('replay', 'count', bench.generated(trace), bench.tick)
      const placed = () => lanes(['first-touch'], { options: LANE, placed: true })
      const id = targets.P1 ? 'P1' : 'P2'
      await bench.compare({
        id,
        what: `static replay, lane first-touch on the stored fold, ${trace}`,
        ...common,
        ours: placed,
        theirs: () => static4.run(),
        against: 'static placement at each access, four banks of counters',
        target: targets[id],
      })
      const counting = { ...common, id: 'P4', theirs: () => count.run(), against: 'counting (page, node) at each access' }
      await bench.compare({ ...counting, what: `lane first-touch, pages placed, ${trace}`, detail: each, ours: placed, target: targets.P4, reason: P4_REASON })
      await bench.compare({
        ...counting,
        what: `lane first-touch that allocates the pages on the way, ${trace}`,
        detail: `${facts.pages.toLocaleString('en')} pages`,
        ours: () => lanes(['first-touch'], { options: LANE }),
      })
      await bench.compare({
        ...counting,
        what: `lane first-touch with loaded latency and the picture of pages over time, pages placed, ${trace}`,
        ours: () => lanes(['first-touch'], { placed: true }),
      })
      await bench.compare({
        ...counting,
        what: `lane hot-page-daemon, pages placed, ${trace}`,
        ours: () => lanes(['hot-page-daemon'], { options: LANE, placed: true }),
      })
      await bench.endCase()
    }
  },
}
