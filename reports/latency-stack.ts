import {
  ASK_HALVES,
  chosenErrors,
  defineReport,
  errorColumn,
  errorLines,
  errorSum,
  errorTooltip,
  formatDuration,
  formatPercent,
  gridColumns,
  gridWidth,
  isSampled,
  LANE_BAR,
  LANE_ROWS,
  LANE_TOOLTIP,
  LINES,
  laneHeight,
  type ReportChart,
  type Row,
  type RunTables,
  TimeGrid,
  timeAxis,
  timeTooltip,
  told,
  withError,
  withErrors,
} from '../src/report/index.ts'

/** Components of the stack in drawing order, as families of one hue; a component belongs to the first whose beginning it has. */
const FAMILIES: [label: string, beginning: string, colour: string][] = [
  ['local access', 'local access', 'theme:local'],
  ['remote access', 'remote access', 'theme:remote'],
  ['queueing', 'queueing', 'theme:lane-9'],
  ['page fault', 'page fault', 'theme:lane-3'],
  ['hint fault', 'hint fault', 'theme:fault'],
  ['waiting for a migration', 'blocked', 'theme:lane-8'],
  ['migration in the fault', 'promotion', 'theme:lane-4'],
  ['background migration', 'migration', 'theme:migrate'],
  ['TLB shootdown', 'TLB shootdown', 'theme:lane-6'],
  ['observing', '', 'theme:observe'],
]
/** Remote accesses by distance, nearest first; more distances share the last. */
const REMOTE = ['theme:remote', 'theme:remote-2', 'theme:remote-3']

export default defineReport({
  title: 'Where the time goes',
  section: 'latency',
  question: 'Which part of the memory time is latency, which is faults, and which is the cost of moving pages?',
  tables: ['summary', 'stack', 'epochs'],
  optional: ['stack_over_time'],
  text: (run) => [stack(run)],
  charts(run): ReportChart[] {
    const grid = new TimeGrid(run)
    const columns = gridColumns(run.record.lanes.length, 3)
    const { rows, families } = familyRows(run, grid)
    const isTold = isSampled(run)
    const hasTime = rows.some((row) => row['time'] !== undefined)
    const colours = { domain: families.map(({ label }) => label), range: families.map(({ colour }) => colour) }
    // Accesses stand on rows of their own: they divide all families of their lane and stretch
    const perAccess = (groupby: string[], error: 'counted' | 'error') => [
      { joinaggregate: [{ op: 'sum', field: 'accesses', as: 'total' }], groupby },
      { filter: 'datum.family !== null && datum.total > 0' },
      { calculate: 'datum.ns / datum.total', as: 'cost' },
      ...(isTold ? [{ calculate: `datum.${error} / datum.total`, as: 'costError' }] : []),
    ]
    const costTooltip = (error: string) => [{ field: 'cost', type: 'quantitative', title: 'ns per access', format: '.2f' }, ...errorTooltip(run, '.2f', error)]
    const unknown = isWhollyTold(run) ? '' : `; no page owns queueing, calls, scanning and sampling, so their error is not known: ${ASK_HALVES}`
    const tooltip = [LANE_TOOLTIP, { field: 'family', title: 'spent on' }]
    const color = { field: 'family', type: 'nominal', title: null, scale: colours, legend: { columns: 6 } }
    return [
      {
        name: 'latency-stack',
        title: 'Memory time per access, by cause',
        caption:
          'Local and remote latency are paid by the program, as are faults and what is migrated inside them; background migration and observing load other cores.',
        description: 'Stacked bar chart: nanoseconds per access spent on local and remote latency, faults, migration and observation by each policy',
        width: 'full',
        sampling: `${LINES}, each at the end of its part (in a time window an upper limit)${unknown}.`,
        data: { stack: rows },
        spec: {
          data: { name: 'stack' },
          transform: [
            ...chosenErrors(run),
            ...perAccess(['lane'], 'counted'),
            { aggregate: [{ op: 'sum', field: 'cost', as: 'cost' }, ...errorSum(run, 'costError')], groupby: ['lane', 'family', 'order'] },
            ...(isTold ? [{ stack: 'cost', as: ['begin', 'end'], groupby: ['lane'], sort: [{ field: 'order', order: 'ascending' }] }] : []),
          ],
          height: laneHeight(run.record.lanes.length),
          ...(isTold
            ? { layer: [bars(color, [...tooltip, ...costTooltip('error')]), errorLines('end', 'error')] }
            : bars(color, [...tooltip, ...costTooltip('error')])),
        },
      },
      {
        name: 'cost-over-time',
        title: 'Memory time per access over time',
        caption: 'The same stack in the course of the run: a peak above the latencies is a policy at work.',
        description: 'Small multiples over time: stacked nanoseconds per access of latency, faults, migration and observation, one picture per policy',
        width: 'full',
        sampling: `the tooltip of a part tells half of its 95% interval of sampling, the chart above those of the whole run${unknown}.`,
        data: { stack: hasTime ? rows : [] },
        spec: {
          data: { name: 'stack' },
          transform: perAccess(['lane', 'time'], 'error'),
          facet: { field: 'lane', type: 'nominal', title: null },
          columns,
          spacing: { row: 22, column: 18 },
          spec: {
            width: gridWidth(columns),
            height: 110,
            mark: { type: 'bar', cornerRadiusEnd: 0, clip: true, binSpacing: 0 },
            encoding: {
              x: { ...timeAxis(grid), field: 'start', bin: { binned: true }, axis: { tickCount: 5 } },
              x2: { field: 'time' },
              y: { field: 'cost', type: 'quantitative', title: 'ns per access', axis: { tickCount: 4, labelExpr: "format(datum.value, '~s')" } },
              color,
              order: ORDER,
              tooltip: [...tooltip, timeTooltip(grid), ...costTooltip('costError')],
            },
          },
        },
      },
    ]
  },
})

const ORDER = { field: 'order', type: 'quantitative' }

/** A bar per policy, its parts in the order of the families. */
const bars = (color: object, tooltip: object[]): Record<string, unknown> => ({
  mark: LANE_BAR,
  encoding: { y: LANE_ROWS, x: { field: 'cost', type: 'quantitative', title: 'ns per access', axis: { tickCount: 8 } }, color, order: ORDER, tooltip },
})

/** Is the error of every component known? */
const isWhollyTold = (run: RunTables): boolean => run.rows('stack').every((row) => row['ns_ci95'] !== null)

/** Sums of the families, and the accesses that divide them, by stretch of time where the run has them. */
function familyRows(run: RunTables, grid: TimeGrid): { rows: Row[]; families: { label: string; colour: string }[] } {
  const columns = ['lane', 'component', 'ns', ...errorColumn(run, 'ns')]
  const components = withErrors(
    run,
    grid.stretches(run, 'stack', ['lane', 'component'], columns.slice(2)),
    'ns',
    run.rows('stack').map((row) => Object.fromEntries(columns.map((name) => [name, row[name]!]))),
  )
  const hasTime = components.some((row) => row['time'] !== undefined)
  const distances = [...new Set(components.map((row) => distanceOf(row['component'] as string)).filter((far) => far !== null))].sort((a, b) => a - b)
  const families = FAMILIES.flatMap(([label, , colour]) =>
    label === 'remote access' && distances.length > 1
      ? distances.map((far, i) => ({ label: `remote, distance ${far}`, colour: REMOTE[Math.min(i, REMOTE.length - 1)]! }))
      : [{ label, colour }],
  )
  const orderOf = (component: string): number => {
    const far = distanceOf(component)
    if (far !== null && distances.length > 1) return families.findIndex(({ label }) => label === `remote, distance ${far}`)
    const found = component.endsWith('TLB shootdown') ? 'TLB shootdown' : FAMILIES.find(([, beginning]) => component.startsWith(beginning))![0]
    return families.findIndex(({ label }) => label === found)
  }
  const sums = new Map<string, Row>()
  for (const { component, ns, error, ...rest } of components) {
    const order = orderOf(component as string)
    const key = JSON.stringify([order, rest])
    const old = sums.get(key)
    if (old) {
      old['ns'] = (old['ns'] as number) + (ns as number)
      if (error !== undefined) old['error'] = (old['error'] as number) + (error as number)
    } else sums.set(key, { ...rest, family: families[order]!.label, order, ns: ns!, accesses: 0, ...(error === undefined ? {} : { error }) })
  }
  const counted = (rows: Row[]): Row[] =>
    rows.map(({ local, remote, accesses, ...rest }) => ({
      ...rest,
      family: null,
      order: 0,
      ns: 0,
      accesses: (accesses as number | undefined) ?? (local as number) + (remote as number),
    }))
  const accesses = hasTime
    ? grid.inStretches(run.rows('epochs'), ['lane'], ['local', 'remote'])
    : run.rows('summary').map(({ lane, accesses: all }): Row => ({ lane: lane!, accesses: all! }))
  const present = families.filter(({ label }) => [...sums.values()].some(({ family }) => family === label))
  return { rows: [...sums.values(), ...counted(accesses)], families: present }
}

/** SLIT distance of `remote access, distance 21`; null of anything else. */
const distanceOf = (component: string): number | null => (/^remote access, distance (\d+)$/.test(component) ? Number(component.split(' ').at(-1)) : null)

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
    rows: rows.map((row) => [
      row['lane'] as string,
      row['component'] as string,
      told(row, 'ns', formatDuration),
      withError((row['ns'] as number) / (totals.get(row['lane']) || 1), row['share_ci95'] as number | null | undefined, formatPercent),
      row['in_stall'] ? 'the program' : 'another core',
    ]),
    sampling: isWhollyTold(run)
      ? undefined
      : `Queueing, calls, scanning and sampling have no pages of their own, so their error is not known, and shares of the others take them as they are: ${ASK_HALVES}.`,
  }
}
