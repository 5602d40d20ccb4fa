/** Pieces of Vega-Lite that charts share, so that the same thing looks the same everywhere. */
import type { Row } from '../columns/index.ts'
import type { TimeGrid } from './time.ts'

/** Counts as 1.2k, 3M; the format alone would give every tick the prefix of the largest. */
export const COUNT_AXIS = { tickCount: 5, tickMinStep: 1, labelExpr: "format(datum.value, '~s')" }

/** Where all counts are zero, zero stands at the beginning of the axis. */
export const COUNT_SCALE = { domain: { unionWith: [0, 1] } }

/** Changes as +10%, and nothing as 0%; ticks of less than a per cent have their decimals. */
export const CHANGE_AXIS = { tickCount: 8, labelOverlap: 'greedy', labelSeparation: 6, labelExpr: "datum.value === 0 ? '0%' : format(datum.value, '+.3~%')" }

/** Horizontal bars: one row per lane. */
export const LANE_ROWS = { field: 'lane', type: 'nominal', title: null }
export const LANE_COLOUR = { field: 'lane', type: 'nominal' }
export const LANE_TOOLTIP = { field: 'lane', title: 'policy' }
/** Height of a chart with one bar per lane, and of the bar. */
export const laneHeight = (lanes: number): number => Math.max(84, 28 * lanes)
/** A scale from left to right that leaves pixels for words after its bars, however narrow the page. */
export const roomForWords = (pixels: number | string): { range: unknown[] } => ({ range: [0, { expr: `max(40, width - ${pixels})` }] })
export const LANE_BAR = { type: 'bar', height: 17 }

/** Time from left to right over the whole run, or over the time window that the reader chose (parameters of every chart). */
export const timeAxis = (grid: TimeGrid): Record<string, unknown> => ({
  field: 'time',
  type: 'quantitative',
  title: grid.title,
  scale: { zero: false, nice: false, domainMin: { expr: 'windowFrom' }, domainMax: { expr: 'windowTo' } },
  axis: { tickCount: 10 },
})

/** Bins that a line or an area shows as the stretches they are; more are too narrow for that to be seen. */
export const FEW_BINS = 40
/**
 * A line or an area over `moment` instead of `time` covers each bin of its lane from its start to its end: a bin alone is seen, and
 * nothing is missing before the end of the first. Starts are a hair late: no two bins share a moment, which would stack them.
 */
export const wholeBins = (fewBins = Number.POSITIVE_INFINITY): object[] => [
  ...(fewBins === Number.POSITIVE_INFINITY ? [] : [{ joinaggregate: [{ op: 'count', as: 'bins' }], groupby: ['lane'] }]),
  { fold: ['start', 'time'], as: ['edge', 'moment'] },
  ...(fewBins === Number.POSITIVE_INFINITY ? [] : [{ filter: `datum.edge === 'time' || datum.bins <= ${fewBins}` }]),
  { calculate: "datum.edge === 'start' ? datum.start + 1e-6 * (datum.time - datum.start) : datum.time", as: 'moment' },
]

export const timeTooltip = (grid: TimeGrid): Record<string, unknown> => ({ field: 'time', type: 'quantitative', title: `until (${grid.unit})`, format: '.4~g' })

/** Width of each of so many pictures beside each other, axes and gaps left out. */
export const gridWidth = (columns: number): number => Math.floor(1010 / columns) - 25

/** How many lanes have rows: as high is a chart that leaves the others out. */
export const lanesIn = (rows: readonly Row[]): number => new Set(rows.map((row) => row['lane'])).size

/** Columns of small multiples: as many as fit, fewer where that leaves no hole in the last row. */
export function gridColumns(pictures: number, most: number): number {
  const fitting = Math.max(1, Math.min(pictures, most))
  for (let columns = fitting; columns > fitting / 2; columns--) if (pictures % columns === 0) return columns
  return fitting
}

/** Stems of costs that would make all latencies look alike are cut at so many times the highest latency. */
export const HIGHEST_STEM = 1.3
