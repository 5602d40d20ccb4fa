// P4: a lane over the stored fold against counting (page, node) at every access, which is what a policy that acts on epochs needs.
const TARGETS = { 'mix 1M': 80, 'stream 1M': 80, 'zipf 1M': 40, 'zipf 16M': 15 }
const TRACES = ['mix 1M', 'stream 1M', 'zipf 1M', 'zipf 16M', 'zipf 10k']

/** An epoch policy that looks at every page it may move, and one that only keeps the books. */
const POLICIES = { 'first-touch': true, 'hot-page-daemon:period=1s': false }

export default {
  ids: ['P4'],

  async check(bench) {
    for (const trace of TRACES) {
      const product = await bench.opened(trace)
      const fold = await bench.native('fold', bench.generated(trace), bench.tick).run()
      bench.agree(`accesses per (tick, page, cpu, op) of ${trace}`, (await product.run({ action: 'foldHash' })).hash, fold.hash)
      const replay = await bench.native('replay', 'static4', bench.generated(trace)).run()
      bench.agree(`accesses by (cpu node, memory node, op) under first touch, ${trace}`, (await product.lanes(['first-touch'])).counters, replay.counters)
      await bench.endCase()
    }
  },

  async measure(bench) {
    for (const trace of TRACES) {
      const { facts, lanes } = await bench.opened(trace)
      const count = bench.native('replay', 'count', bench.generated(trace), bench.tick)
      for (const [policy, isTarget] of Object.entries(POLICIES)) {
        await bench.compare({
          id: 'P4',
          what: `lane ${policy.split(':')[0]} on the stored fold, ${trace} (${(facts.accesses / facts.pairs).toFixed(1)} accesses a pair)`,
          unit: 'M accesses/s',
          work: facts.accesses / 1e6,
          ours: () => lanes([policy]),
          theirs: () => count.run(),
          against: 'counting (page, node) at each access',
          target: isTarget ? TARGETS[trace] : undefined,
        })
      }
      await bench.endCase()
    }
  },
}
