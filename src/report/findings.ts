/** What a run shows, in sentences: the first thing a reader sees. Every figure comes from the tables. */
import type { Row } from '../columns/index.ts'
import { METRICS } from '../results/index.ts'
import { formatCount, formatDuration, formatPercent } from '../units.ts'
import { formatInterval } from './across.ts'
import { chance, verdictOf } from './chance.ts'
import type { RunTables } from './define.ts'
import { type Finding, studyFindings } from './study-findings.ts'

/** Changes below this are called none. */
const NOTABLE = 0.005

export function findings(run: RunTables): Finding[] {
  return [...(run.study === undefined ? [] : studyFindings(run, run.study)), ...runFindings(run)]
}

function runFindings(run: RunTables): Finding[] {
  const rows = run.rows('summary')
  const baseline = rows.find((row) => row['lane'] === run.record.baseline)
  if (!baseline) return []
  const others = rows.filter((row) => row !== baseline)
  const whole = others.filter((row) => row['status'] === 'ok')
  const ended = rows.filter((row) => row['status'] !== 'ok')
  return [
    ...best(run, whole, baseline),
    ...(baseline['status'] === 'ok'
      ? whole.filter((row) => !isSame(row, baseline)).map((row) => ({ lane: row['lane'] as string, text: against(row, baseline) }))
      : []),
    ...sameAs(
      whole.filter((row) => isSame(row, baseline)),
      baseline,
    ),
    ...ended.map((row) => ({
      lane: row['lane'] as string,
      text: `ended early (${row['status']}${row['error'] ? `: ${row['error']}` : ''}) and is not compared.`,
    })),
  ]
}

const isSame = (row: Row, baseline: Row): boolean =>
  ['local', 'remote', 'memory_stall_ns', 'total_cost_ns', 'migrated', 'migration_failed'].every((name) => row[name] === baseline[name])

/** Policies that changed nothing share a sentence. */
function sameAs(rows: Row[], baseline: Row): Finding[] {
  const [first, ...others] = rows.map((row) => row['lane'] as string)
  if (first === undefined) return []
  const verb = others.length === 0 ? 'does' : `${others.length === 1 ? 'and' : `as well as ${others.slice(0, -1).join(', ')} and`} ${others.at(-1)} do`
  return [{ lane: first, text: `${verb} exactly what ${baseline['lane']} does on this trace.` }]
}

const cost = (row: Row): number => row['total_cost_ns'] as number

function best(run: RunTables, whole: Row[], baseline: Row): Finding[] {
  if (baseline['status'] !== 'ok') return []
  const ranked = [...whole].sort((a, b) => cost(a) - cost(b))
  const first = ranked[0]
  if (!first || cost(first) > cost(baseline) * (1 - NOTABLE)) {
    return [{ text: `No policy beats ${baseline['lane']} by more than ${formatPercent(NOTABLE)} once its own costs are counted.` }]
  }
  const lane = first['lane'] as string
  const saved = `${formatPercent(1 - cost(first) / cost(baseline))} less memory time than ${baseline['lane']}, its own costs counted`
  const possible = METRICS.possibleGain.of(first)
  const reach = possible === null ? '' : `, ${formatPercent(possible)} of what the best possible placement would save`
  const comparison = chance(run)
  const judged = comparison?.ratios.find(({ policy }) => policy === lane)
  if (comparison === undefined || judged === undefined || judged.interval === null) {
    return [{ lane, text: `comes out best: ${saved}${reach}; too few epochs to tell whether that is more than chance.` }]
  }
  const interval = `95% interval ${formatInterval(judged.interval)}`
  if (judged.verdict === 'no significant difference') {
    return [{ lane, text: `comes out best, ${saved}, but that is no significant difference (${interval}).` }]
  }
  const equals = ranked.slice(1).map((row) => row['lane'] as string).filter((other) => verdictOf(comparison, lane, other) === 'no significant difference') // biome-ignore format: one thought
  return [
    { lane, text: `${equals.length === 0 ? 'is best overall' : 'is among the best'}: ${saved} (${interval})${reach}.` },
    ...(equals.length === 0 ? [] : [{ lane, text: `shows no significant difference from ${equals.join(' and ')}.` }]),
  ]
}

function against(row: Row, baseline: Row): string {
  const latency = METRICS.meanLatency.of(row)
  const reference = METRICS.meanLatency.of(baseline)
  const change = latency === null || reference === null ? 0 : latency / reference - 1
  const local = METRICS.localShare.of(row) ?? 0
  const localBefore = METRICS.localShare.of(baseline) ?? 0
  const verb =
    Math.abs(change) < NOTABLE
      ? `leaves mean latency as it is (${METRICS.meanLatency.format(latency ?? 0)} ns)`
      : `${change < 0 ? 'cuts' : 'raises'} mean latency by ${formatPercent(Math.abs(change))} to ${METRICS.meanLatency.format(latency!)} ns`
  const locality = Math.abs(local - localBefore) < NOTABLE ? '' : `, local accesses ${formatPercent(localBefore)} → ${formatPercent(local)}`
  return `${verb}${locality}${effort(row)}${allTold(row)}.`
}

/** The verdict counts everything: a shorter latency may cost more than it saves. */
function allTold(row: Row): string {
  const verdict = row['verdict'] as string | null | undefined
  return verdict && /^(saves|loses)/.test(verdict) ? `; all told it ${verdict}` : ''
}

/** `, moving 12,000 pages in 15ms (3.1% failed), 8,000 hint faults` */
function effort(row: Row): string {
  const migrated = row['migrated'] as number
  const failed = row['migration_failed'] as number
  const faults = row['hint_faults'] as number
  if (migrated + failed === 0) return faults === 0 ? '; it moves nothing' : `; it moves nothing in ${formatCount(faults)} hint faults`
  const failures = failed === 0 ? '' : `, ${formatPercent(failed / (migrated + failed))} of those tried failed`
  return `; moves ${formatCount(migrated)} pages in ${formatDuration(row['migration_ns'] as number)}${failures}${faults > 0 ? `, ${formatCount(faults)} hint faults` : ''}`
}
