// GUPS beside streaming cores: throughput with the hot set spread so that latencies balance, over the hot set packed into the
// fast tier. A closed loop (so many lines in flight) around the engine's own contention model.
import { machine } from '../../dist/src/machine/index.js'
import { Contention } from '../../dist/src/replay/contention.js'
import { figure, holds, shown } from './lib.mjs'

const LINE = 64

export default function v1(p) {
  const packedShare = p.hotShare + (1 - p.hotShare) * ((p.fastGiB - p.hotGiB) / (p.workingSetGiB - p.hotGiB))
  const rows = []
  const points = []
  const gains = p.slowLatencyNs.map((slowNs) =>
    p.backgroundCores.map((cores, load) => {
      const throughput = closedLoop(p, slowNs, cores)
      const packed = throughput(packedShare)
      let best = { share: packedShare, updates: packed }
      for (let share = 0; share <= packedShare; share += packedShare / 400) {
        const updates = throughput(share)
        if (updates > best.updates) best = { share, updates }
      }
      const gain = best.updates / packed
      const published = p.published.hemem[slowNs][load]
      const what = `${slowNs} ns, background ${load}x`
      const remark = `best fast share ${best.share.toFixed(2)}`
      if (slowNs === p.fittedRow) rows.push(shown(what, published, gain, `fitted row; ${remark}`))
      else rows.push(figure(what, published, gain, load === 0 ? p.tolerance.idle : p.tolerance.cell, remark))
      points.push({ slow: `${slowNs} ns`, load, gain: published, who: 'published (HeMem + Colloid)' }, { slow: `${slowNs} ns`, load, gain, who: 'ours' })
      return gain
    }),
  )
  const rises = gains.every((row) => row.every((gain, i) => i === 0 || gain >= row[i - 1] - 1e-9))
  const falls = gains.every((row, i) => i === 0 || row.every((gain, load) => gain <= gains[i - 1][load] + 1e-9))
  rows.push(holds('gain grows with background load', 'yes', rises ? 'yes' : 'no', rises))
  rows.push(holds('gain shrinks with slow-tier latency', 'yes', falls ? 'yes' : 'no', falls))
  const better = gains.every((row) => row.slice(1).every((gain) => gain >= 1))
  rows.push(holds('balanced is not below packed from 1x on', 'yes', better ? 'yes' : 'no', better))
  return {
    title: 'Latency balancing under background load (Colloid, SOSP 2024)',
    rows,
    notes: [
      'Five effective parameters were fitted on the first row, so that row is no evidence; three of the other twelve cells are the trivial 0x ones.',
      'HeMem rows only; the TPP rows of the paper were not fitted and are not compared.',
    ],
    chart: {
      title: 'Throughput of balanced over packed placement',
      data: { values: points },
      facet: { field: 'slow', columns: 4, title: 'slow-tier latency' },
      spec: {
        width: 150,
        height: 180,
        mark: { type: 'line', point: true },
        encoding: {
          x: { field: 'load', type: 'quantitative', title: 'background load (x)', axis: { values: [0, 1, 2, 3] } },
          y: { field: 'gain', type: 'quantitative', title: 'throughput gain' },
          color: { field: 'who', type: 'nominal', title: null },
        },
      },
    },
  }
}

/** Updates per second by the share of accesses that the fast tier serves. */
function closedLoop(p, slowNs, cores) {
  const base = machine(p.machine)
  const box = { ...base, readLatencyPs: base.readLatencyPs.map((row) => [row[0], slowNs * 1000]) }
  const contention = new Contention(box, { curve: box.load, bytesPerAccess: LINE, pageSize: 4096 })
  const [fastIdle, slowIdle] = box.readLatencyPs[0].map((ps) => ps / 1000)
  const backgroundLines = cores * p.backgroundLinesPerCore
  /** Latencies that the traffic of these latencies brings about, ns; infinite where more is asked for than fits. */
  const answer = (share, fastNs, slowNsNow) => {
    const updates = p.appLines / (share * fastNs + (1 - share) * slowNsNow)
    const background = backgroundLines / fastNs
    // an update or a background line reads and writes a line: one store of the model, which fills and writes back
    const writes = Float64Array.of((updates * share + background) * 1e9, updates * (1 - share) * 1e9, 0, 0)
    contention.solve({ reads: new Float64Array(4), writes, copiedPages: new Float64Array(4) }, 1e9)
    const asked = [contention.utilisationOf(0), Math.max(contention.utilisationOf(1), contention.linkUtilisation(0, 1), contention.linkUtilisation(1, 0))]
    const headroom = box.load.headroom
    return {
      fast: asked[0] > headroom ? Number.POSITIVE_INFINITY : fastIdle + contention.readQueuePs[0] / 1000,
      slow: asked[1] > headroom ? Number.POSITIVE_INFINITY : slowIdle + contention.readQueuePs[1] / 1000,
    }
  }
  const solve = (low, wanted) => {
    let high = low
    while (wanted(high) > high) high *= 2
    for (let i = 0; i < 50; i++) {
      const middle = (low + high) / 2
      if (wanted(middle) > middle) low = middle
      else high = middle
    }
    return high
  }
  return (share) => {
    const slowAt = (fastNs) => solve(slowIdle, (slow) => answer(share, fastNs, slow).slow)
    const fastNs = solve(fastIdle, (fast) => answer(share, fast, slowAt(fast)).fast)
    return (p.appLines / (share * fastNs + (1 - share) * slowAt(fastNs))) * 1e9
  }
}
