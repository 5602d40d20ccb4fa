/**
 * What a thread hands over of a lane. Tables that grow with time go as columns, made by the thread that replayed the lane: they take
 * a fraction of the time that rows take to be copied between threads, and collecting them is appending.
 */
import { Table } from '../columns/index.ts'
import { unknownErrors } from '../results/index.ts'
import type { PreparedTrace } from '../trace/index.ts'
import { LANE_TABLES, type LaneResult } from './lane-result.ts'
import { sampleOf } from './sample.ts'
import type { Columns } from './stretches.ts'

const GROWING = ['epochs', 'nodes', 'moves', 'placement'] as const

/** Not of a sample: halves of it may have more to tell of rows (half-samples.ts). */
export const handedOver = (lanes: LaneResult[], trace: PreparedTrace): LaneResult[] => (sampleOf(trace) ? lanes : lanes.map(inColumns))

function inColumns(lane: LaneResult): LaneResult {
  const rows = { ...lane.rows }
  const columns: Record<string, Columns> = {}
  for (const name of GROWING) {
    const table = new Table(LANE_TABLES[name])
    const unknown = unknownErrors(LANE_TABLES[name])
    for (const row of rows[name]) table.add(row, unknown)
    columns[name] = Object.fromEntries(table.columns)
    rows[name] = []
  }
  return { ...lane, rows, columns }
}
