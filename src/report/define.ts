/** `defineReport`: what a file in reports/ default-exports. A report answers one question from the tables of run folders. */
import type { Row } from '../columns/index.ts'
import type { RunRecord } from '../results/index.ts'

/** A run folder, opened: what reports may read. Rows of a table, in stored order. */
export interface RunTables {
  record: RunRecord
  rows(table: string): Row[]
}

export interface ReportTable {
  title: string
  /** Column headings with alignment; numbers right. */
  columns: { heading: string; align: 'left' | 'right' }[]
  rows: string[][]
  /** Lines below the table. */
  notes?: string[]
}

export interface ReportChart {
  /** Stable name, used for files: `local-share`. */
  name: string
  title: string
  /** What the chart shows, for screen readers. */
  description: string
  /** Vega-Lite; `data: {name: 'x'}` is bound to `data.x`. Lane colours come from the theme. */
  spec: Record<string, unknown>
  data: Record<string, Row[]>
}

export interface Report {
  question: string
  /** Tables it needs; a run folder that lacks one gets a message. */
  tables: readonly string[]
  text(run: RunTables): ReportTable[]
  charts(run: RunTables): ReportChart[]
}

export function defineReport(report: Report): Report {
  return report
}
