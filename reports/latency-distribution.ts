import { defineReport, formatCount, formatPercent, LANE_COLOUR, LANE_TOOLTIP, type Row, type RunTables } from '../src/report/index.ts'

export default defineReport({
  title: 'Latency distribution',
  section: 'latency',
  question: 'How is access latency distributed, and what lies in the tail?',
  tables: ['latency'],
  text: (run) => [percentiles(run)],
  charts: (run) => [
    {
      name: 'latency-cdf',
      title: 'Share of accesses up to a latency',
      caption: 'Further to the upper left is better. Every step is a route between a cpu and a memory node.',
      description: 'Cumulative distribution of access latency, one step line per policy',
      width: 'full',
      data: { latency: cumulative(run) },
      spec: {
        data: { name: 'latency' },
        height: 260,
        mark: { type: 'line', interpolate: 'step-after', clip: true },
        encoding: {
          x: {
            field: 'latency',
            type: 'quantitative',
            title: 'access latency (ns, logarithmic)',
            scale: { type: 'log', nice: false },
            axis: { tickCount: 6, format: '~s' },
          },
          y: { field: 'share', type: 'quantitative', title: 'share of accesses', scale: { domain: [0, 1] }, axis: { format: '.0%' } },
          color: LANE_COLOUR,
          tooltip: [
            LANE_TOOLTIP,
            { field: 'latency', type: 'quantitative', title: 'up to (ns)', format: ',' },
            { field: 'share', type: 'quantitative', title: 'share of accesses', format: '.2%' },
          ],
        },
      },
    },
  ],
})

/** Classes of each lane in ascending order, with the total. */
function classes(run: RunTables): Map<string, { total: number; rows: { latency: number; accesses: number }[] }> {
  const lanes = new Map<string, { total: number; rows: { latency: number; accesses: number }[] }>()
  for (const row of run.rows('latency')) {
    const lane = lanes.get(row['lane'] as string) ?? { total: 0, rows: [] }
    lane.total += row['accesses'] as number
    lane.rows.push({ latency: row['latency_ns'] as number, accesses: row['accesses'] as number })
    lanes.set(row['lane'] as string, lane)
  }
  for (const lane of lanes.values()) lane.rows.sort((a, b) => a.latency - b.latency)
  return lanes
}

/** All lanes start and end at the same latencies, so that steps can be compared from edge to edge. */
function cumulative(run: RunTables): Row[] {
  const lanes = classes(run)
  const edges = [...lanes.values()].flatMap(({ rows }) => rows.map(({ latency }) => latency))
  const low = Math.max(1, Math.min(...edges) * 0.9)
  const high = Math.max(...edges) * 1.1
  return [...lanes].flatMap(([lane, { total, rows }]) => {
    let below = 0
    const steps = rows.map(({ latency, accesses }) => {
      below += accesses
      return { lane, latency: Math.max(1, latency), share: total === 0 ? 0 : below / total }
    })
    return [{ lane, latency: low, share: 0 }, ...steps, { lane, latency: high, share: 1 }]
  })
}

const SHARES = [0.5, 0.9, 0.99, 0.999]

function percentiles(run: RunTables) {
  return {
    title: 'Access latency (ns)',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      ...SHARES.map((share) => ({ heading: `p${String(share * 100).replace('.', '')}`, align: 'right' as const })),
      { heading: 'highest', align: 'right' as const },
      { heading: 'accesses at it', align: 'right' as const },
    ],
    rows: [...classes(run)].map(([lane, { total, rows }]) => {
      let below = 0
      const atLeast = rows.map(({ latency, accesses }) => {
        below += accesses
        return { latency, below }
      })
      const at = (share: number): string => formatCount(atLeast.find(({ below }) => below >= share * total)?.latency ?? 0)
      const highest = rows.at(-1)
      const tail = highest && total > 0 ? formatPercent(highest.accesses / total) : '—'
      return [lane, ...SHARES.map(at), highest ? formatCount(highest.latency) : '—', tail]
    }),
  }
}
