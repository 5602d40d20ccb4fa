// What the experiments share: parameters from a file, comparison rows, the table, the chart, the results on disk.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { drawSvg } from '../../dist/src/report/index.js'

const here = dirname(fileURLToPath(import.meta.url))

/** Parameters, fixed in a file before the comparison. */
export const parameters = (name) => parse(readFileSync(join(here, `${name}.yaml`), 'utf8'))

/** A figure against its published value; error relative to the published one. */
export function figure(what, published, ours, tolerance, note = '') {
  const error = ours / published - 1
  return { what, published: round(published), ours: round(ours), error, tolerance, within: Math.abs(error) <= tolerance + 1e-12, note }
}

/** A figure that must lie in a range. */
export function range(what, [low, high], ours, note = '') {
  return { what, published: `${low} to ${high}`, ours: round(ours), error: null, tolerance: null, within: ours >= low && ours <= high, note }
}

/** A statement that holds or not. */
export const holds = (what, expected, ours, within, note = '') => ({ what, published: expected, ours, error: null, tolerance: null, within, note })

/** A figure for orientation that decides nothing: it was fitted, or nothing is published. */
export const shown = (what, published, ours, note = '') => ({
  what,
  published: published === null ? '' : round(published),
  ours: round(ours),
  error: published === null ? null : ours / published - 1,
  tolerance: null,
  within: null,
  note,
})

const round = (value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value)
const percent = (share) => `${share >= 0 ? '+' : '-'}${(Math.abs(share) * 100).toFixed(1)}%`

export function markdown(rows) {
  const cells = rows.map(({ what, published, ours, error, tolerance, within, note }) => [
    what,
    String(published),
    String(ours),
    error === null ? '' : percent(error),
    tolerance === null ? '' : `${(tolerance * 100).toFixed(0)}%`,
    within === null ? '' : within ? 'yes' : '**no**',
    note,
  ])
  return [['figure', 'published', 'ours', 'error', 'tolerance', 'within', 'remark'], Array(7).fill('---'), ...cells]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')
}

/** Prints the table and keeps results, table and chart under results/. */
export async function conclude(name, { title, rows, chart, notes }) {
  const decided = rows.filter(({ within }) => within !== null)
  const misses = decided.filter(({ within }) => !within).length
  const verdict = misses === 0 ? `all ${decided.length} within tolerance` : `${misses} of ${decided.length} outside tolerance`
  const folder = join(here, 'results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ name, title, verdict, rows, notes }, null, 2)}\n`)
  writeFileSync(join(folder, `${name}.svg`), await drawSvg(chart))
  console.log(
    `${name.toUpperCase()}  ${title}\n\n${markdown(rows)}\n\n${notes.map((note) => `- ${note}\n`).join('')}\n${verdict}\nchart: bench/experiments/results/${name}.svg`,
  )
  return misses
}
