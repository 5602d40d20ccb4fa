/**
 * From a report's chart to a complete Vega-Lite spec: data put in, `theme:` colours resolved, the lanes' colours and order
 * filled in wherever a chart encodes the field `lane`. What comes out is what `--spec` writes and the Vega editor reads.
 */
import type { ReportChart, RunTables } from './define.ts'
import { chartConfig, laneDash, laneRole, nodeRole, overlayDash, ROLES, type Role, roleColour, type Scheme } from './theme.ts'
import { TimeGrid } from './time.ts'

/** Outer size in pixels: axes and legend included. */
export const CHART_WIDTH = { half: 540, full: 1100 } as const

export interface BindOptions {
  scheme: Scheme
  /** Title and legend of lanes are part of the picture: off where a page shows them itself. */
  framed: boolean
  /** Leave the data out: a page hands the rows over as they are chosen. */
  withoutData?: boolean
}

export type VegaLiteSpec = Record<string, unknown>

/** What charts take from the run beside their rows. */
export interface ChartContext {
  lanes: string[]
  nodes: number[]
  /** Ends of the time bins in `unit`, zero first: a time window begins and ends on them. */
  edges: number[]
  unit: string
  /** Dash of each lane's lines. */
  dashes: number[][]
}

export function chartContext(run: RunTables): ChartContext {
  const grid = new TimeGrid(run)
  const lanes = run.record.lanes.map(({ label }) => label)
  const twins = coincidence(run, lanes)
  return {
    lanes,
    dashes: lanes.map((_, index) => (twins[index] === 0 ? laneDash(index) : overlayDash(twins[index]!))),
    nodes: run.record.machine.nodes.map(({ id }) => id),
    edges: [0, ...grid.ends],
    unit: grid.unit,
  }
}

/** What lines over time show. */
const COURSE = ['time_ns', 'local', 'remote', 'memory_stall_ns', 'migrated']

/** For each lane, how many earlier lanes have the very same course: their lines would hide each other. */
export function coincidence(run: RunTables, lanes: readonly string[]): number[] {
  const courses = new Map<string, string>()
  for (const row of run.rows('epochs')) {
    const lane = row['lane'] as string
    courses.set(lane, `${courses.get(lane) ?? ''}${COURSE.map((column) => row[column]).join()};`)
  }
  return lanes.map((lane, index) => lanes.slice(0, index).filter((other) => courses.has(other) && courses.get(other) === courses.get(lane)).length)
}

export function bindChart(chart: ReportChart, context: ChartContext, { scheme, framed, withoutData = false }: BindOptions): VegaLiteSpec {
  const { lanes, nodes, edges, dashes } = context
  const legend = framed ? laneLegend(drawnLanes(chart, lanes), lanes, chart.width === 'full' ? 130 : 56) : null
  const spec = fill(chart.spec, { scheme, lanes, nodes, dashes, legend }) as VegaLiteSpec
  const isFaceted = 'facet' in spec || 'hconcat' in spec || 'vconcat' in spec || 'concat' in spec || usesFacetChannel(spec)
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: chart.description,
    ...(framed ? { title: { text: chart.title, subtitle: wrap(chart.caption ?? '', chart.width === 'full' ? 160 : 76) } } : {}),
    ...(isFaceted ? {} : { width: CHART_WIDTH[chart.width ?? 'half'], autosize: { type: 'fit-x', contains: 'padding' } }),
    ...spec,
    params: [{ name: 'windowFrom', value: edges[0] }, { name: 'windowTo', value: edges.at(-1) }, ...((spec['params'] as unknown[] | undefined) ?? [])],
    config: chartConfig(scheme),
    datasets: Object.fromEntries(Object.entries(chart.data).map(([name, rows]) => [name, withoutData ? [] : rows])),
  }
}

/** Of the lanes, those that a chart has rows of: a legend lists what is drawn. */
export function drawnLanes({ data }: ReportChart, lanes: readonly string[]): string[] {
  const drawn = new Set(Object.values(data).flatMap((rows) => rows.map((row) => row['lane'])))
  return lanes.filter((lane) => drawn.has(lane))
}

const usesFacetChannel = (spec: VegaLiteSpec): boolean => {
  const encoding = (spec['encoding'] ?? {}) as Record<string, unknown>
  return 'facet' in encoding || 'row' in encoding || 'column' in encoding
}

interface Filling {
  scheme: Scheme
  lanes: string[]
  nodes: number[]
  dashes: number[][]
  /** Of lanes, where the picture has one. */
  legend: object | null
}

const COLOUR_CHANNELS = new Set(['color', 'fill', 'stroke'])
const ORDERED_CHANNELS = new Set(['x', 'y', 'row', 'column', 'facet', 'xOffset', 'yOffset'])

function fill(value: unknown, filling: Filling, key = ''): unknown {
  if (typeof value === 'string') return value.startsWith('theme:') ? themeColour(value.slice(6), filling.scheme) : value
  if (Array.isArray(value)) return value.map((item) => fill(item, filling))
  if (value === null || typeof value !== 'object') return value
  const filled = Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fill(item, filling, name)]))
  if (key === 'encoding') return withDashes(filled, value as Record<string, unknown>, filling)
  if (filled['field'] === 'lane') return fillLane(filled, key, filling)
  if (filled['field'] === 'node' && COLOUR_CHANNELS.has(key)) {
    const range = filling.nodes.map((_, index) => roleColour(nodeRole(index), filling.scheme))
    return { scale: { domain: filling.nodes, range }, ...filled }
  }
  return filled
}

function fillLane(definition: Record<string, unknown>, channel: string, { lanes, scheme, legend }: Filling): Record<string, unknown> {
  if (COLOUR_CHANNELS.has(channel)) {
    const scale = { domain: lanes, range: lanes.map((_, index) => roleColour(laneRole(index), scheme)) }
    const { legend: own, ...rest } = definition
    return { scale, legend: own === null || legend === null ? null : { ...legend, ...(own as object | undefined) }, ...rest }
  }
  if (ORDERED_CHANNELS.has(channel)) return { sort: lanes, ...definition }
  return definition
}

/** `letters` is what a line of it holds. */
function laneLegend(drawn: string[], lanes: string[], letters: number): object {
  const columns = Math.max(1, Math.floor(letters / (6 + Math.max(0, ...drawn.map((lane) => lane.length)))))
  return { title: null, columns, ...(drawn.length < lanes.length && { values: drawn }) }
}

/** Dashes tell lanes of one colour apart, and let lines show that lie under others. */
function withDashes(filled: Record<string, unknown>, { color }: Record<string, unknown>, { lanes, dashes }: Filling): Record<string, unknown> {
  if ((color as { field?: string } | undefined)?.field !== 'lane' || dashes.every((dash) => dash.length === 0)) return filled
  const { legend } = filled['color'] as { legend: unknown }
  const scale = { domain: lanes, range: dashes }
  return { ...filled, strokeDash: { field: 'lane', type: 'nominal', scale, legend } }
}

function themeColour(role: string, scheme: Scheme): string {
  if (!(role in ROLES)) throw new Error(`the theme has no colour ${JSON.stringify(role)}`)
  return roleColour(role as Role, scheme)
}

/** Lines of at most `limit` letters. */
export function wrap(text: string, limit: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').filter(Boolean)) {
    if (line && line.length + 1 + word.length > limit) {
      lines.push(line)
      line = word
    } else line = line ? `${line} ${word}` : word
  }
  return line ? [...lines, line] : lines
}
