/** `defineReport`: what a file in reports/ default-exports. A report answers one question from the tables of run folders. */
import type { Row } from '../columns/index.ts'
import type { RunRecord, Study } from '../results/index.ts'
import { tellingSamplingError } from './sampling.ts'

/** A run folder or a sweep store, opened: what reports may read. Rows of a table, in stored order. */
export interface RunTables {
  record: RunRecord
  /** Names of the tables it has. */
  tables: readonly string[]
  rows(table: string): Row[]
  /** Present where it is a study of many comparisons: then `points` is among the tables. */
  study?: Study
}

export interface ReportTable {
  title: string
  /** Column headings with alignment; numbers right. */
  columns: { heading: string; align: 'left' | 'right' }[]
  rows: string[][]
  /** Column that holds the lane's label, if any: rows follow the choice of policies and carry the lane's colour. */
  laneColumn?: number
  /** Bars behind the figures of some columns where the form allows: per column, one length in 0..1 (or null) per row. */
  bars?: Record<number, (number | null)[]>
  /** Lines below the table. */
  notes?: string[]
  /** In a sample of pages: which figures have no known error, and why; a whole sentence. */
  sampling?: string
}

export interface ReportChart {
  /** Stable name, used for files: `local-share`. */
  name: string
  title: string
  /** What the chart shows, for screen readers. */
  description: string
  /** One sentence under the title: how to read it, or what there is to see. */
  caption?: string
  /** In a sample of pages: where the chart shows the sampling error, or why it has none; goes on after a colon. */
  sampling?: string
  /** Half a page wide unless 'full'. */
  width?: 'half' | 'full'
  /**
   * Vega-Lite; `data: {name: 'x'}` is bound to `data.x`. Colours are written `theme:NAME` (src/report/theme.ts); a colour,
   * facet or axis over the field `lane` gets the lanes' colours and order.
   */
  spec: Record<string, unknown>
  /** Rows with `lane` follow the choice of policies; rows with `time` (in the run's time unit) follow the time window. */
  data: Record<string, Row[]>
}

/** Chapters of the HTML and Markdown report, in this order. */
export const SECTIONS = {
  overview: 'Overview',
  locality: 'Locality',
  migration: 'Migration',
  latency: 'Latency',
  counters: 'Counters',
  study: 'Study',
} as const
export type Section = keyof typeof SECTIONS

export interface Report {
  title: string
  section: Section
  question: string
  /** Of one comparison (a run folder), or of a whole study (a sweep store), whose table is `points`. Default: run. */
  of?: 'run' | 'study'
  /** Tables it needs; a run folder that lacks one gets a message. */
  tables: readonly string[]
  /** Tables that it draws a time window from, where a run has them (`TimeGrid.stretches`). */
  optional?: readonly string[]
  /** Of runs that have what it is about; of others it is left out unless it is asked for by name. Default: of all. */
  appliesTo?(run: RunTables): boolean
  text(run: RunTables): ReportTable[]
  charts(run: RunTables): ReportChart[]
}

export function defineReport(report: Report): Report {
  return tellingSamplingError(report)
}
