// What each feature of a lane costs: the bare lane against the lane with it. And WebAssembly against the TypeScript twins.
import { join } from 'node:path'
import { BENCH, LANE } from '../lib/bench.mjs'

const TRACE = 'mix 1M'
const observe = (kind) => `${join(BENCH, 'plugins/observe.ts')}:kind=${kind}`
const BARE = { policies: ['first-touch'], options: LANE }

/** What is added to the bare lane. */
const FEATURES = {
  'loaded latency': { options: { ...LANE, contention: true } },
  'picture of pages over time': { options: { ...LANE, heat: true } },
  'numa_maps at three moments': { options: { ...LANE, numaMapsAtNs: [1e6, 2e6, 3e6] } },
  'stage log of one batch': { options: { ...LANE, followed: { addresses: [], batchAtNs: 0 } } },
  'observation: every access': { policies: [observe('accesses')] },
  'observation: samples': { policies: [observe('samples')] },
  'observation: accessed bits': { policies: [observe('bits')] },
  'observation: DAMON regions': { policies: [observe('damon')] },
  'observation: the future': { policies: [observe('upcoming')] },
  'hint faults (numa-balancing)': { policies: ['numa-balancing'] },
  'samples and migrations (hot-page-daemon)': { policies: ['hot-page-daemon'] },
}

export default {
  ids: ['feature', 'fallback'],

  async measure(bench) {
    const { facts, lanes } = await bench.opened(TRACE)
    const common = { unit: 'M accesses/s', work: facts.accesses / 1e6 }
    const bare = () => lanes(BARE.policies, { options: BARE.options, placed: true })
    for (const [feature, { policies = BARE.policies, options = BARE.options }] of Object.entries(FEATURES)) {
      await bench.compare({
        id: 'feature',
        what: `${feature}, ${TRACE}`,
        ...common,
        ours: () => lanes(policies, { options, placed: true }),
        theirs: bare,
        against: 'the bare lane: first-touch, idle latencies',
      })
    }
    const fallback = await bench.opened(TRACE, { NUMAREPLAY_KERNELS: 'typescript' })
    for (const policy of ['first-touch', 'numa-balancing']) {
      await bench.compare({
        id: 'fallback',
        what: `lane ${policy} with WebAssembly, ${TRACE}`,
        ...common,
        ours: () => lanes([policy], { options: LANE, placed: true }),
        theirs: () => fallback.lanes([policy], { options: LANE, placed: true }),
        against: 'the same with the TypeScript twins',
      })
    }
  },

  async check(bench) {
    const [wasm, fallback] = [await bench.opened(TRACE), await bench.opened(TRACE, { NUMAREPLAY_KERNELS: 'typescript' })]
    for (const policy of ['first-touch', 'numa-balancing']) {
      const [{ counters: ours }, { counters: theirs }] = [await wasm.lanes([policy]), await fallback.lanes([policy])]
      bench.agree(`${policy} with WebAssembly and with the TypeScript twins`, ours, theirs)
    }
  },
}
