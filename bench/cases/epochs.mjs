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
  'a trace that stays in memory is counted from pairs of 32 bits at 2.0 to 2.4 ns each, in the cache or not (1.4 in good moments); the same loop by gcc -O3 -march=native takes 1.2 to 1.9 in the same minutes. That is 1.8 of the 2.6 ms of mix (812,108 pairs) and 0.7 of the 1.4 ms of stream (312,808); the rest are the 20 ticks, some 25 µs each to turn counts into times and rows, and the tables at the end, 0.2 ms. Tried with success: 32 bits instead of 128 and four banks (medians of some 100 passes, alternating on a busy machine: mix 3.4 to 2.5 ms, stream 1.4 to 0.7, zipf 1M 20 to 15), classes of latency by shifts (27 to 2 ns each, 64 a tick), blocks kept where the kernel reads them instead of copied, no sums of accesses and fewer objects in rows. Without: decoding four pairs by vectors (2.7 against 2.2 ns), fields loaded as bytes (2.3), sums kept while the cell stays the same (3.1), both halves of a tick side by side (2.5)'

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
