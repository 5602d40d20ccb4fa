export type { Cell, Row } from '../columns/index.ts'
export {
  averageToOptimum,
  type Change,
  type Correction,
  type Cost,
  changesAlong,
  compareRuns,
  corrected,
  costsBySetting,
  EQUAL,
  errorsOfMean,
  formatChange,
  formatLatency,
  formatMetric,
  formatPages,
  groupBy,
  inOrder,
  LATENCY_ERROR,
  MEASURES,
  METRICS,
  type Metric,
  type MetricName,
  metricHeading,
  type PolicyComparison,
  type SamplingErrors,
  type Study,
  type StudyPoint,
  samplingInterval,
  studyPoints,
  withError,
} from '../results/index.ts'
export { formatCount, formatDuration, formatPercent, formatSize } from '../units.ts'
export { bindComparison, comparisonCharts, comparisonTables, formatInterval, formatP, formatRatio, ratioTable } from './across.ts'
export { type BindOptions, bindChart, type ChartContext, chartContext, type VegaLiteSpec } from './bind.ts'
export { chance } from './chance.ts'
export { combineRuns } from './combine.ts'
export { comparison, comparisonTable } from './comparison.ts'
export { defineReport, type Report, type ReportChart, type ReportTable, type RunTables, SECTIONS, type Section } from './define.ts'
export { type CompiledChart, compileChart, drawPng, drawSvg, svgToPng } from './draw.ts'
export { chartFile, csv, writeWhole } from './files.ts'
export { findings } from './findings.ts'
export { renderHtml } from './html.ts'
export { kindOf, listReports, loadReport, loadReports, type NamedReport, reportsFor } from './list.ts'
export { markdownTable, renderMarkdown } from './markdown.ts'
export { type NodeMatrix, nodeMatrices } from './matrix.ts'
export * from './pieces.ts'
export { caveats, commandLine, provenance } from './provenance.ts'
export {
  ASK_HALVES,
  BANDS,
  changeEnds,
  changeLines,
  changeTooltip,
  chosenErrors,
  ERROR_LINE,
  type ErrorBars,
  errorBand,
  errorBars,
  errorColumn,
  errorLines,
  errorSum,
  errorTooltip,
  isSampled,
  isSampledStudy,
  LINES,
  meanErrors,
  STUDY_LIMIT,
  told,
  toldChange,
  wholeRun,
  windowLines,
  withErrors,
  withMeanErrors,
} from './sampling.ts'
export type { Finding } from './study-findings.ts'
export { renderTable, type TextOptions, terminalOptions, wrapped } from './text.ts'
export type { Role, Scheme } from './theme.ts'
export { shrink, sparkline, TimeGrid } from './time.ts'
