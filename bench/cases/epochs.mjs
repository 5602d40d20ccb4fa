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
  'the kernel takes 0.7 ns a pair where memory keeps up (reading alone 0.2), which is 0.21 ms of stream and 0.57 ms of mix; the tables that each lane makes at its end take 0.2 to 0.3 ms, the 20 ticks the rest; the 6.9 M pairs of zipf 1M are 110 MB, which come from memory and not from the cache, at 3.4 ns a pair. Tried: blocks kept where the kernel reads them instead of copied (mix 20 to 29, stream 22 to 28), no sums of accesses and fewer objects in rows (mix 39, stream 42); four banks and 8-byte loads were slower than two banks (0.84 and 0.93 ns a pair on mix against 0.70)'

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
