/** Small multiples of a matrix of nodes, one per policy: cells of one hue, with their figure written in where they are large enough. */
import { gridColumns, LANE_TOOLTIP } from './pieces.ts'

export interface NodeMatrix {
  /** Data set of the chart. */
  data: string
  transform: object[]
  /** Policies that have a matrix. */
  lanes: number
  rows: { field: string; title: string; nodes: readonly (number | string)[] }
  columns: { field: string; title: string; nodes: readonly (number | string)[] }
  /** What shades a cell; figures are written as shares or as counts. */
  value: { field: string; title: string; of: 'share' | 'count' }
  /** Shades, each for a part of equal width of the values. */
  shades: string[]
  tooltip?: object[]
}

/** Pixels that the rows of one matrix share, and sides of a cell. */
const MATRIX_HEIGHT = 260
const [LEAST_CELL, MOST_CELL, LEAST_CELL_WITH_FIGURE] = [16, 46, 26]

export function nodeMatrices({ data, transform, lanes, rows, columns, value, shades, tooltip = [] }: NodeMatrix): Record<string, unknown> {
  const cell = Math.max(LEAST_CELL, Math.min(MOST_CELL, Math.floor(MATRIX_HEIGHT / Math.max(rows.nodes.length, columns.nodes.length))))
  const width = Math.max(cell * columns.nodes.length * 1.3, 150)
  const axis = { labelAngle: 0, domain: false, ticks: false, grid: false }
  const figure = { field: value.field, type: 'quantitative' }
  return {
    data: { name: data },
    transform,
    facet: { field: 'lane', type: 'nominal', title: null },
    columns: gridColumns(lanes, Math.floor(1000 / (width + 60))),
    spacing: { row: 26, column: 26 },
    spec: {
      width,
      height: cell * rows.nodes.length,
      encoding: {
        x: { field: columns.field, type: 'ordinal', title: columns.title, axis, scale: { domain: columns.nodes } },
        y: { field: rows.field, type: 'ordinal', title: rows.title, axis, scale: { domain: rows.nodes } },
        tooltip: [
          LANE_TOOLTIP,
          { field: rows.field, title: rows.title },
          { field: columns.field, title: columns.title },
          { ...figure, title: value.title, format: value.of === 'share' ? '.1%' : ',' },
          ...tooltip,
        ],
      },
      layer: [
        {
          mark: { type: 'rect', stroke: 'theme:surface', strokeWidth: 2 },
          encoding: { color: { ...figure, title: value.title, legend: null, scale: { type: 'quantize', range: shades, zero: true } } },
        },
        ...(cell >= LEAST_CELL_WITH_FIGURE
          ? [{ mark: { type: 'text' }, encoding: { text: { ...figure, format: value.of === 'share' ? '.0%' : '.3~s' } } }]
          : []),
      ],
    },
  }
}
