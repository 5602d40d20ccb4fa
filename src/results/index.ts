export * from './compare.ts'
export { LATENCY_BITS, LATENCY_ERROR, LogLinearHistogram } from './histogram.ts'
export {
  formatChange,
  formatLatency,
  formatMetric,
  formatPages,
  METRICS,
  type Metric,
  type MetricName,
  metricHeading,
  samplingInterval,
  withError,
} from './metrics.ts'
export { parquetToTable, tableToParquet } from './parquet.ts'
export { checkReplaceable, openRun, type Run, runOf, writeRun } from './run-folder.ts'
export * from './schema.ts'
export { CORRECTIONS, type Correction, corrected, type Estimate, LEAST_BLOCKS, LEAST_TRACES, tQuantile } from './statistics.ts'
export {
  averageToOptimum,
  type Change,
  type Cost,
  changesAlong,
  costsBySetting,
  EQUAL,
  errorsOfMean,
  groupBy,
  inOrder,
  type SamplingErrors,
  type Study,
  type StudyPoint,
  settingOf,
  studyPoints,
} from './study.ts'
