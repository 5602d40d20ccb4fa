import {
  defineReport,
  formatDuration,
  formatPercent,
  gridColumns,
  LANE_BAR,
  LANE_ROWS,
  LANE_TOOLTIP,
  laneHeight,
  type ReportChart,
  type RunTables,
  TimeGrid,
  timeAxis,
  timeTooltip,
} from '../src/report/index.ts'

/** Components of the stack in drawing order, as families of one hue; a component belongs to the first whose beginning it has. */
const FAMILIES: [label: string, beginning: string, colour: string][] = [
  ['local access', 'local access', 'theme:local'],
  ['remote access', 'remote access', 'theme:remote'],
  ['queueing', 'queueing', 'theme:lane-7'],
  ['page fault', 'page fault', 'theme:lane-3'],
  ['hint fault', 'hint fault', 'theme:fault'],
  ['waiting for a migration', 'blocked', 'theme:lane-5'],
  ['migration in the fault', 'promotion', 'theme:lane-4'],
  ['background migration', 'migration', 'theme:migrate'],
  ['observing', '', 'theme:observe'],
]
const familyOf = (component: string): number => FAMILIES.findIndex(([, beginning]) => component.startsWith(beginning))

export default defineReport({
  title: 'Where the time goes',
  section: 'latency',
  question: 'Which part of the memory time is latency, which is faults, and which is the cost of moving pages?',
  tables: ['summary', 'stack', 'epochs'],
  text: (run) => [stack(run)],
  charts(run): ReportChart[] {
    const accesses = new Map(run.rows('summary').map((row) => [row['lane'], row['accesses'] as number]))
    const parts = new Map<string, { lane: string; family: string; order: number; cost: number }>()
    for (const { lane, component, ns } of run.rows('stack')) {
      const order = familyOf(component as string)
      const key = JSON.stringify([lane, order])
      const part = parts.get(key) ?? { lane: lane as string, family: FAMILIES[order]![0], order, cost: 0 }
      part.cost += (ns as number) / (accesses.get(lane as string) || 1)
      parts.set(key, part)
    }
    const present = FAMILIES.filter(([label]) => [...parts.values()].some(({ family }) => family === label))
    const colours = { domain: present.map(([label]) => label), range: present.map(([, , colour]) => colour) }
    const grid = new TimeGrid(run)
    const epochs = grid.sum(
      run.rows('epochs'),
      ['lane'],
      ['local', 'remote', 'memory_stall_ns', 'queueing_ns', 'migration_ns', 'hint_fault_ns', 'observation_ns'],
    )
    return [
      {
        name: 'latency-stack',
        title: 'Memory time per access, by cause',
        caption:
          'Local and remote latency are paid by the program, as are faults and what is migrated inside them; background migration and observing load other cores.',
        description: 'Stacked bar chart: nanoseconds per access spent on local and remote latency, faults, migration and observation by each policy',
        width: 'full',
        data: { stack: [...parts.values()] },
        spec: {
          data: { name: 'stack' },
          height: laneHeight(run.record.lanes.length),
          mark: LANE_BAR,
          encoding: {
            y: LANE_ROWS,
            x: { field: 'cost', type: 'quantitative', title: 'ns per access', axis: { tickCount: 8 } },
            color: { field: 'family', type: 'nominal', title: null, scale: colours },
            order: { field: 'order', type: 'quantitative' },
            tooltip: [LANE_TOOLTIP, { field: 'family', title: 'spent on' }, { field: 'cost', type: 'quantitative', title: 'ns per access', format: '.2f' }],
          },
        },
      },
      {
        name: 'cost-over-time',
        title: 'Memory time per access over time',
        caption: 'Latency with everything the policy adds to it: a peak above the latency line is a policy at work.',
        description: 'Small multiples over time: stacked nanoseconds per access of latency, hint faults, migration and observation, one strip per policy',
        width: 'full',
        data: { epochs },
        spec: {
          data: { name: 'epochs' },
          transform: [
            { filter: 'datum.local + datum.remote > 0' },
            ...PARTS.map(([label, column]) => ({ calculate: `(${column}) / (datum.local + datum.remote)`, as: label })),
            { fold: PARTS.map(([label]) => label), as: ['part', 'cost'] },
            { calculate: `indexof(${JSON.stringify(PARTS.map(([label]) => label))}, datum.part)`, as: 'order' },
          ],
          facet: { field: 'lane', type: 'nominal', title: null },
          columns: gridColumns(run.record.lanes.length, 3),
          spacing: { row: 22, column: 18 },
          spec: {
            width: 310,
            height: 110,
            mark: { type: 'area', interpolate: 'step-before', clip: true },
            encoding: {
              x: { ...timeAxis(grid), axis: { tickCount: 5 } },
              y: { field: 'cost', type: 'quantitative', title: 'ns per access', axis: { tickCount: 4, labelExpr: "format(datum.value, '~s')" } },
              color: {
                field: 'part',
                type: 'nominal',
                title: null,
                scale: { domain: PARTS.map(([label]) => label), range: PARTS.map(([, , colour]) => colour) },
              },
              order: { field: 'order', type: 'quantitative' },
              tooltip: [
                LANE_TOOLTIP,
                timeTooltip(grid),
                { field: 'part', title: 'spent on' },
                { field: 'cost', type: 'quantitative', title: 'ns per access', format: '.2f' },
              ],
            },
          },
        },
      },
    ]
  },
})

const PARTS = [
  ['idle latency', 'datum.memory_stall_ns - datum.queueing_ns', 'theme:local'],
  ['queueing', 'datum.queueing_ns', 'theme:lane-7'],
  ['hint faults', 'datum.hint_fault_ns', 'theme:fault'],
  ['migration', 'datum.migration_ns', 'theme:migrate'],
  ['observing', 'datum.observation_ns', 'theme:observe'],
] as const

function stack(run: RunTables) {
  const rows = run.rows('stack')
  const totals = new Map<unknown, number>()
  for (const { lane, ns } of rows) totals.set(lane, (totals.get(lane) ?? 0) + (ns as number))
  return {
    title: 'Memory time by component',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      { heading: 'component', align: 'left' as const },
      { heading: 'time', align: 'right' as const },
      { heading: 'share', align: 'right' as const },
      { heading: 'paid by', align: 'left' as const },
    ],
    rows: rows.map(({ lane, component, ns, in_stall }) => [
      lane as string,
      component as string,
      formatDuration(ns as number),
      formatPercent((ns as number) / (totals.get(lane) || 1)),
      in_stall ? 'the program' : 'another core',
    ]),
  }
}
