import {
  defineReport,
  errorBars,
  formatCount,
  formatMetric,
  formatSize,
  HIGHEST_STEM,
  LANE_TOOLTIP,
  LINES,
  MEASURES,
  type ReportChart,
  type ReportTable,
  type Row,
  type RunTables,
  TimeGrid,
} from '../src/report/index.ts'

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export default defineReport({
  title: 'Latency against memory moved',
  section: 'overview',
  question: 'Which policies buy their latency with the least migration?',
  tables: ['summary', 'epochs'],
  text: (run) => [front(run)],
  charts(run): ReportChart[] {
    const grid = new TimeGrid(run)
    const epochs = grid.sum(run.rows('epochs'), ['lane'], ['local', 'remote', 'migrated', ...MEASURES.cost.columns])
    const { pageSize } = run.record.trace
    const most = Math.max(...run.rows('summary').map((row) => (row['migrated'] as number) * pageSize))
    const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, most)) / 10)))
    const unit = UNITS[power]!
    const pageInUnit = pageSize / 1024 ** power
    const errors = errorBars(run, 'migrated', 'meanLatency', { x: pageInUnit, y: 1 })
    const x = { field: 'moved', type: 'quantitative' }
    const y = { field: 'latency', type: 'quantitative' }
    const color = { field: 'lane', type: 'nominal' }
    const optimum = run.rows('summary').flatMap((row): Row[] => {
      const [bound, accesses] = [row['bound_ns'] as number | null, row['accesses'] as number]
      return bound === null || accesses === 0 ? [] : [{ lane: row['lane']!, whole: grid.ends.at(-1)!, optimum: bound / accesses }]
    })
    // Known for the whole run alone
    const best = [{ filter: 'windowFrom <= 0 && windowTo >= datum.whole' }, { aggregate: [{ op: 'min', field: 'optimum', as: 'optimum' }] }]
    return [
      {
        name: 'pareto',
        title: 'Mean latency against memory moved',
        caption: [
          'Lower left is better; the dashed steps join the policies that no other beats in both. A stem is what the policy itself costs on top of its latency (▲: more than fits).',
          optimum.length > 0 ? 'No stem ends below the optimum, which is known for the whole run only.' : '',
        ].join(' '),
        description:
          'Scatter plot: mean access latency against memory moved, one point per policy with its own costs as a stem, the Pareto front and the optimum as lines',
        width: 'full',
        sampling: `${LINES}, for the whole run; stems have none of their own.`,
        data: { epochs, ...(optimum.length > 0 ? { optimum } : {}), ...errors.data },
        spec: {
          data: { name: 'epochs' },
          transform: [
            {
              aggregate: ['local', 'remote', 'migrated', ...MEASURES.cost.columns].map((field) => ({ op: 'sum', field, as: field })),
              groupby: ['lane'],
            },
            { filter: 'datum.local + datum.remote > 0' },
            { calculate: 'datum.memory_stall_ns / (datum.local + datum.remote)', as: 'latency' },
            { calculate: `(${MEASURES.cost.columns.map((field) => `datum.${field}`).join(' + ')}) / (datum.local + datum.remote)`, as: 'total' },
            { calculate: `datum.migrated * ${pageInUnit}`, as: 'moved' },
            { joinaggregate: [{ op: 'max', field: 'latency', as: 'highest' }] },
            { calculate: `min(datum.total, ${HIGHEST_STEM} * datum.highest)`, as: 'end' },
            // A policy is on the front when none that moved as much or less has a lower latency
            { window: [{ op: 'min', field: 'latency', as: 'best' }], sort: [{ field: 'moved' }, { field: 'latency' }], frame: [null, 0] },
          ],
          height: 320,
          encoding: {
            x: {
              ...x,
              title: `memory moved (${unit})`,
              axis: { tickCount: 8, labelExpr: "datum.value < 0 ? '' : format(datum.value, '~r')" },
              scale: { padding: 12, nice: false },
            },
            y: { ...y, title: 'ns per access', scale: { zero: false, padding: 14 }, axis: { tickCount: 6 } },
          },
          layer: [
            ...(optimum.length === 0
              ? []
              : [
                  { data: { name: 'optimum' }, transform: best, mark: { type: 'rule', color: 'theme:ink', strokeWidth: 1.5 }, encoding: { x: { value: 0 }, x2: { value: 'width' }, y: { field: 'optimum', type: 'quantitative' } } }, // biome-ignore format: one thought
                  {
                    data: { name: 'optimum' },
                    transform: best,
                    mark: { type: 'text', baseline: 'top', dy: 5, color: 'theme:soft' },
                    encoding: {
                      x: { value: { expr: 'width / 2' } },
                      y: { field: 'optimum', type: 'quantitative' },
                      text: { value: 'optimum, own costs counted' },
                    },
                  },
                ]),
            {
              transform: [{ filter: 'datum.latency <= datum.best' }],
              mark: { type: 'line', interpolate: 'step-after', color: 'theme:soft', strokeWidth: 1.2, strokeDash: [4, 3] },
            },
            { mark: { type: 'rule', strokeWidth: 2 }, encoding: { y2: { field: 'end' }, color } },
            {
              transform: [{ filter: 'datum.total > datum.end' }],
              mark: { type: 'point', shape: 'triangle-up', size: 60, filled: true },
              encoding: { y: { field: 'end', type: 'quantitative' }, color },
            },
            {
              mark: { type: 'point', filled: true, size: 110 },
              encoding: {
                color,
                tooltip: [
                  LANE_TOOLTIP,
                  { field: 'latency', type: 'quantitative', title: 'mean latency (ns)', format: '.2f' },
                  { field: 'total', type: 'quantitative', title: 'with its own costs (ns)', format: '.2f' },
                  { field: 'moved', type: 'quantitative', title: `moved (${unit})`, format: ',.4~r' },
                  { field: 'migrated', type: 'quantitative', title: 'pages moved', format: ',' },
                ],
              },
            },
            ...errors.layers,
          ],
        },
      },
    ]
  },
})

function front(run: RunTables): ReportTable {
  const rows = run.rows('summary').map((row) => {
    const accesses = (row['accesses'] as number) || 1
    const own = ((row['total_cost_ns'] as number) - (row['memory_stall_ns'] as number)) / accesses
    return { row, own, moved: row['migrated'] as number, latency: (row['mean_latency_ns'] as number | null) ?? Number.POSITIVE_INFINITY }
  })
  const isBeaten = (one: (typeof rows)[number]): boolean =>
    rows.some((other) => other.moved <= one.moved && other.latency <= one.latency && (other.moved < one.moved || other.latency < one.latency))
  const bounds = rows.flatMap(({ row }) => (row['bound_ns'] === null ? [] : [(row['bound_ns'] as number) / ((row['accesses'] as number) || 1)]))
  return {
    title: 'Latency against memory moved',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' },
      { heading: 'memory moved', align: 'right' },
      { heading: 'pages moved', align: 'right' },
      { heading: 'mean ns', align: 'right' },
      { heading: 'own costs, ns per access', align: 'right' },
      { heading: 'on the front', align: 'left' },
    ],
    rows: rows.map((one) => [
      one.row['lane'] as string,
      formatSize(one.moved * run.record.trace.pageSize),
      formatMetric('migrated', one.row),
      formatMetric('meanLatency', one.row),
      one.own.toFixed(3),
      isBeaten(one) ? 'no' : 'yes',
    ]),
    sampling: 'Memory goes with the pages; of own costs alone none is kept (they are in the total cost of the report optimum).',
    notes:
      bounds.length === 0
        ? []
        : [
            `Optimum: ${Math.min(...bounds).toFixed(1)} ns per access, own costs counted. ${formatCount(rows.filter((one) => !isBeaten(one)).length)} of ${formatCount(rows.length)} are on the front: no other moves less and is faster.`,
          ],
  }
}
