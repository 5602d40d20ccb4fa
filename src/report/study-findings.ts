/** What a study of many comparisons shows, in sentences. */
import { logAverage, median } from 'simple-statistics'
import { type Cost, changesAlong, costsBySetting, EQUAL, groupBy, type Study, studyPoints } from '../results/index.ts'
import { formatCount, formatPercent } from '../units.ts'
import { formatInterval } from './across.ts'
import type { RunTables } from './define.ts'

export interface Finding {
  /** Lane it is about, if one. */
  lane?: string
  text: string
}

export function studyFindings(run: RunTables, study: Study): Finding[] {
  const { baseline } = run.record
  const points = studyPoints(run.rows('points'), study, baseline)
  const costs = costsBySetting(points)
  const settings = [...groupBy(costs, ({ setting }) => setting).values()]
  if (settings.length < 2) return []
  const ranked = [...groupBy(costs, ({ lane }) => lane)]
    .filter(([, group]) => group.length === settings.length)
    .map(([lane, group]) => ({ lane, group, average: logAverage(group.map(({ ratio }) => ratio)) }))
    .sort((a, b) => a.average - b.average)
  const first = ranked[0]
  const over = `over ${formatCount(settings.length)} settings`
  if (first === undefined) return [{ text: 'No policy has a finished point in every setting.' }]
  if (first.average > 1 - EQUAL) return [{ text: `No policy beats ${baseline} by more than ${formatPercent(EQUAL)} ${over} together, its own costs counted.` }]
  return [
    ...best(first.lane, `${over} together: ${formatPercent(1 - first.average)} less memory time than ${baseline} (geometric mean), its own costs counted`, run, study), // biome-ignore format: one thought
    ...elsewhere(first.lane, settings),
    ...dearer(first.lane, first.group, baseline),
    ...decisive(run, study),
  ]
}

/** Called best as far as that is more than chance: of these traces where only they are known, of traces like these from five on. */
function best(lane: string, how: string, { record: { baseline } }: RunTables, study: Study): Finding[] {
  const means = study.compare?.(lane).means.filter(({ machine }) => machine === null) ?? []
  const judged = means.map(({ policy, these, others }) => ({ policy, ...(others.interval === null ? { ...these, of: 'these traces' } : { ...others, of: 'traces like these' }) })) // biome-ignore format: one thought
  const reference = judged.find(({ policy }) => policy === baseline)
  if (reference === undefined || reference.interval === null)
    return [{ lane, text: `comes out best ${how}; too little to tell whether that is more than chance.` }]
  // the ratio is that of the baseline to it
  const interval = `95% interval ${formatInterval([1 / reference.interval[1], 1 / reference.interval[0]])}, ${reference.of}`
  if (reference.verdict !== 'dearer') return [{ lane, text: `comes out best ${how}, but that is no significant difference (${interval}).` }]
  const equals = judged.filter(({ policy, verdict }) => policy !== baseline && verdict === 'no significant difference').map(({ policy }) => policy)
  return [
    { lane, text: `is ${equals.length === 0 ? 'best' : 'among the best'} ${how} (${interval}).` },
    ...(equals.length === 0 ? [] : [{ lane, text: `shows no significant difference from ${listed(equals)} over all of them.` }]),
  ]
}

const MOST_NAMES = 4
const listed = (names: string[]): string =>
  names.length > MOST_NAMES ? `${names.slice(0, MOST_NAMES).join(', ')} and ${names.length - MOST_NAMES} more` : names.join(' and ')

/** Settings in which another policy would have been clearly cheaper. */
function elsewhere(lane: string, settings: Cost[][]): Finding[] {
  const lost = settings.flatMap((group) => {
    const mine = group.find((cost) => cost.lane === lane)!
    const best = group.reduce((least, cost) => (cost.ratio < least.ratio ? cost : least))
    return mine.ratio > best.ratio * (1 + EQUAL) ? [{ best, loss: mine.ratio / best.ratio - 1 }] : []
  })
  if (lost.length === 0) return [{ lane, text: 'is the cheapest, or as cheap as any, in every one of them.' }]
  const { best, loss } = lost.reduce((most, one) => (one.loss > most.loss ? one : most))
  return [
    {
      lane,
      text: `is not the cheapest in ${formatCount(lost.length)} of them; furthest off with ${best.setting}, where it costs ${formatPercent(loss)} more than ${best.lane}.`,
    },
  ]
}

function dearer(lane: string, group: Cost[], baseline: string): Finding[] {
  const worse = group.filter(({ ratio }) => ratio > 1 + EQUAL)
  if (worse.length === 0) return []
  const worst = worse.reduce((most, one) => (one.ratio > most.ratio ? one : most))
  return [{ lane, text: `costs more than ${baseline} in ${formatCount(worse.length)}: ${formatPercent(worst.ratio - 1)} more with ${worst.setting}.` }]
}

function decisive(run: RunTables, study: Study): Finding[] {
  const points = studyPoints(run.rows('points'), study, run.record.baseline)
  const axes = [...study.varying.map(({ axis }) => axis), ...study.params].flatMap((axis) => {
    const spreads = changesAlong(axis, points, study, run.record.baseline).map(({ spread }) => spread)
    return spreads.length === 0 ? [] : [{ axis: axis.replace(/^param_|_ns$/g, '').replaceAll('_', '-'), typical: median(spreads) }]
  })
  axes.sort((a, b) => b.typical - a.typical)
  if (axes.length < 2) return []
  return [
    {
      text: `What changes the cost most, everything else equal: ${axes.map(({ axis, typical }) => `${axis} (typically ${formatPercent(typical)})`).join(', ')}.`,
    },
  ]
}
