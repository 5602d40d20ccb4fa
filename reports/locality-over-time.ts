import {
  BANDS,
  defineReport,
  errorBand,
  FEW_BINS,
  formatPercent,
  isSampled,
  LANE_COLOUR,
  LANE_TOOLTIP,
  meanErrors,
  type RunTables,
  shrink,
  sparkline,
  TimeGrid,
  timeAxis,
  timeTooltip,
  wholeBins,
  withError,
  withMeanErrors,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Locality over time',
  section: 'locality',
  question: 'How fast does each policy bring pages close to their users?',
  tables: ['epochs'],
  text: (run) => [locality(run)],
  charts(run) {
    const grid = new TimeGrid(run)
    const epochs = grid.sum(withMeanErrors(run), ['lane'], ['local', 'remote', 'memory_stall_ns', ...meanErrors(run)])
    const isTold = isSampled(run)
    const sampling = `${BANDS}.`
    return [
      {
        name: 'local-share-over-time',
        title: 'Share of local accesses over time',
        caption:
          'Higher is better. A dip is work that moved to data on another node; the slope after it is how fast the policy reacts, a gap is time without accesses.',
        description: 'Line chart: share of accesses served by local memory over time, one line per policy',
        width: 'full',
        sampling,
        data: { epochs },
        spec: lines('datum.local / (datum.local + datum.remote)', 'local accesses', grid, '.1%', { domain: [0, 1], padding: 3 }, isTold && 'shareError'),
      },
      {
        name: 'latency-over-time',
        title: 'Mean access latency over time',
        caption: 'Lower is better. Hint faults and migration are not in it; a gap is time without accesses.',
        description: 'Line chart: mean access latency in nanoseconds over time, one line per policy',
        width: 'full',
        sampling,
        data: { epochs },
        spec: lines(
          'datum.memory_stall_ns / (datum.local + datum.remote)',
          'ns per access',
          grid,
          '.1f',
          { zero: false, nice: true, padding: 3 },
          isTold && 'latencyError',
        ),
      },
    ]
  },
})

/** One line per lane, with all lanes' figures at the pointer. `error`: field of the sampling error, times accesses. */
function lines(calculate: string, title: string, grid: TimeGrid, format: string, scale: object, error: string | false): Record<string, unknown> {
  return {
    data: { name: 'epochs' },
    // a line has gaps where nothing was accessed
    transform: [
      { calculate: `datum.local + datum.remote > 0 ? ${calculate} : null`, as: 'value' },
      ...(error ? [{ calculate: `datum.${error} / (datum.local + datum.remote)`, as: 'error' }] : []),
      {
        window: [
          { op: 'lag', field: 'value', as: 'before' },
          { op: 'lead', field: 'value', as: 'after' },
        ],
        groupby: ['lane'],
        sort: [{ field: 'time' }],
      },
      ...wholeBins(FEW_BINS),
    ],
    height: 230,
    layer: [
      ...(error ? [errorBand('value', 'error')] : []),
      { mark: { type: 'line', clip: true } },
      // what has a gap on both sides would not be seen as a line
      {
        transform: [{ filter: `datum.bins > ${FEW_BINS} && isValid(datum.value) && !isValid(datum.before) && !isValid(datum.after)` }],
        mark: { type: 'rule', strokeWidth: 4, strokeCap: 'round', clip: true },
        encoding: { x: { field: 'start', type: 'quantitative' }, x2: { field: 'time' } },
      },
    ],
    encoding: {
      x: { ...timeAxis(grid), field: 'moment' },
      y: { field: 'value', type: 'quantitative', title, scale, axis: { format: format === '.1%' ? '.0%' : ',~f' } },
      color: LANE_COLOUR,
      tooltip: [
        LANE_TOOLTIP,
        timeTooltip(grid),
        { field: 'value', title, type: 'quantitative', format },
        ...(error ? [{ field: 'error', title: '±', type: 'quantitative', format }] : []),
      ],
    },
  }
}

const SPARK_WIDTH = 30

function locality(run: RunTables) {
  const shares = new Map<string, { share: number; error: number | null | undefined }[]>()
  for (const { lane, local, remote, local_share_ci95 } of run.rows('epochs')) {
    const total = (local as number) + (remote as number)
    if (!shares.has(lane as string)) shares.set(lane as string, [])
    if (total > 0) shares.get(lane as string)!.push({ share: (local as number) / total, error: local_share_ci95 as number | null | undefined })
  }
  const text = ({ share, error }: { share: number; error: number | null | undefined }) => withError(share, error, formatPercent)
  return {
    title: 'Share of local accesses over time',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      { heading: 'first', align: 'right' as const },
      { heading: 'start to end, 0 to 100%', align: 'left' as const },
      { heading: 'last', align: 'right' as const },
      { heading: 'lowest', align: 'right' as const },
      { heading: 'highest', align: 'right' as const },
    ],
    rows: [...shares].map(([lane, values]) =>
      values.length === 0
        ? [lane, '—', '', '—', '—', '—']
        : [
            lane,
            text(values[0]!),
            sparkline(
              shrink(
                values.map(({ share }) => share),
                SPARK_WIDTH,
              ),
              0,
              1,
            ),
            text(values.at(-1)!),
            text(values.reduce((a, b) => (b.share < a.share ? b : a))),
            text(values.reduce((a, b) => (b.share > a.share ? b : a))),
          ],
    ),
    sampling: 'Each ± is that of the one bin; the lowest of many bins is partly chance.',
  }
}
