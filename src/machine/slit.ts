/**
 * Latencies that nobody measured, from SLIT distances. SLIT is not latency: docs/machines.md has the check. The rule
 * fits Xeon and EPYC within some 10 % and misses the newest two-socket Xeons; every report repeats that it was used.
 */

/** Idle local latency where not even that is known: DRAM of a current x86 server (preset memtis-constants: 80 ns; skx-cl-2s: 78 ns). */
const LOCAL_PS = 80_000

/** Extra latency per SLIT unit above 10, as a share of the local latency: lat = local (1 + 0.75 (slit/10 - 1)). */
const PER_SLIT_UNIT = 0.075

export const slitFactor = (distance: number): number => 1 + PER_SLIT_UNIT * (distance - 10)

/**
 * Fills the holes of a latency matrix, in this order:
 * 1. memory that the cpus of a third node were measured against: that latency plus the inferred difference of the two ways
 *    (a hop between sockets costs the same whatever memory lies behind it: 103 ns to CXL and 101 ns to DRAM on preset 2s-plus-cxl);
 * 2. memory never measured: the accessing node's local latency times the SLIT factor.
 */
export function inferLatencies(measured: (number | null)[][], distance: number[][], hasCpus: boolean[]): number[][] {
  const size = measured.length
  const local = measured.map((row, i) => row[i] ?? median(measured.flatMap((other, j) => other[j] ?? [])) ?? LOCAL_PS)
  return measured.map((row, from) =>
    row.map((known, to) => {
      if (known !== null) return known
      let via = -1
      for (let other = 0; other < size; other++) {
        if (!hasCpus[other] || other === to || measured[other]![to] === null) continue
        if (via === -1 || distance[other]![to]! < distance[via]![to]!) via = other
      }
      const factor = slitFactor(distance[from]![to]!)
      if (via === -1) return Math.round(local[from]! * factor)
      return Math.max(local[from]!, Math.round(measured[via]![to]! + local[from]! * (factor - slitFactor(distance[via]![to]!))))
    }),
  )
}

/** POWER writes category codes (10, 40, 80), not ratios: the rule above means nothing there. */
export function isCategoryCode(distance: number[][]): boolean {
  const apart = distance.flatMap((row, i) => row.filter((_, j) => j !== i))
  return apart.length > 0 && apart.every((one) => one >= 40 && one % 10 === 0)
}

function median(values: number[]): number | undefined {
  return values.length === 0 ? undefined : [...values].sort((a, b) => a - b)[values.length >> 1]
}
