export { LogLinearHistogram } from './histogram.ts'
export { formatChange, formatLatency, formatMetric, formatPages, METRICS, type Metric, type MetricName, metricHeading } from './metrics.ts'
export { checkReplaceable, openRun, type Run, runOf, writeRun } from './run-folder.ts'
export * from './schema.ts'
