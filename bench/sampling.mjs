/**
 * How far figures of a sample of pages are off, and how often the stated 95 % interval holds the figure of all pages.
 *   node bench/sampling.mjs [seeds [halves]]      after npm run build; writes a table in Markdown
 * Each seed is another trace, so the hash draws other pages' accesses.
 */
import { machine } from '../dist/src/machine/index.js'
import { replay } from '../dist/src/replay/index.js'
import { openTrace } from '../dist/src/trace/index.js'

const SEEDS = Number(process.argv[2] ?? 10)
/** As --half-samples. */
const HALVES = process.argv[3] === undefined ? undefined : Number(process.argv[3])
const RATES = [10, 100]
const WORKLOADS = {
  'zipf, 100,000 pages': 'zipf:pages=100000,accesses=1000000',
  'uniform, 65,536 pages': 'uniform:table=256MiB,updates=500000',
  'phase-shift, 65,536 pages': 'phase-shift:slab=32MiB,accesses=1000000',
}
/** Placement by first touch or address alone, and policies that look at accesses and move pages. */
const POLICIES = { 'first-touch': 'static', interleave: 'static', 'numa-balancing': 'adaptive', 'hot-page-daemon': 'moving' }
const FIGURES = {
  'mean latency, %': { of: (row) => row.mean_latency_ns, width: 'mean_latency_ns_ci95', error: (got, true_) => 100 * Math.abs(got / true_ - 1) },
  'local share, points': { of: (row) => row.local / row.accesses, width: 'local_share_ci95', error: (got, true_) => 100 * Math.abs(got - true_) },
  'migrated, %': { of: (row) => row.migrated, width: 'migrated_ci95', error: (got, true_) => (true_ === 0 ? Number.NaN : 100 * Math.abs(got / true_ - 1)) },
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

async function summary(name, sampleOneIn) {
  const trace = await openTrace(name, { sampleOneIn })
  const run = await replay({
    trace,
    machine: machine('2-socket'),
    policies: Object.keys(POLICIES),
    jobs: 1,
    heat: false,
    quickOptimum: true,
    halfSamples: HALVES,
  })
  return { rows: run.rows('summary'), kept: trace.meta.pages }
}

console.log('| workload | rate | pages kept | policies | figure | error, median | error, largest | in the 95 % interval |')
console.log('|---|---|---|---|---|---|---|---|')
for (const [label, workload] of Object.entries(WORKLOADS)) {
  const found = new Map()
  for (let seed = 1; seed <= SEEDS; seed++) {
    const full = await summary(`${workload},seed=${seed}`, undefined)
    for (const rate of RATES) {
      const sampled = await summary(`${workload},seed=${seed}`, rate)
      for (const [figure, { of, width, error }] of Object.entries(FIGURES)) {
        for (const [i, row] of sampled.rows.entries()) {
          const kind = POLICIES[row.lane]
          const slot = `${rate} ${kind} ${figure}`
          const entry = found.get(slot) ?? { key: `1/${rate} | ${sampled.kept.toLocaleString('en-US')} | ${kind} | ${figure}`, errors: [], held: 0, cases: 0 }
          found.set(slot, entry)
          const off = error(of(row), of(full.rows[i]))
          if (Number.isNaN(off) || row[width] === null) continue
          entry.errors.push(off)
          entry.cases++
          if (Math.abs(of(row) - of(full.rows[i])) <= row[width]) entry.held++
        }
      }
    }
    process.stderr.write(`${label}: seed ${seed} of ${SEEDS}\n`)
  }
  for (const { key, errors, held, cases } of found.values())
    if (cases > 0)
      console.log(
        `| ${label} | ${key} | ${median(errors).toFixed(2)} | ${Math.max(...errors).toFixed(2)} | ${held} of ${cases} (${Math.round((100 * held) / cases)} %) |`,
      )
}
