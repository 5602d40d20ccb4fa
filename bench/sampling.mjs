/**
 * How far figures of a sample of pages are off, and how often the stated 95 % interval holds the figure of all pages.
 *   node bench/sampling.mjs [seeds [halves]]      after npm run build; writes a table in Markdown
 *   node bench/sampling.mjs --rows [seeds [halves]]    the same of the rows of tables, on smaller traces
 * Each seed is another trace, so the hash draws other pages' accesses.
 */
import { machine } from '../dist/src/machine/index.js'
import { replay } from '../dist/src/replay/index.js'
import { openTrace } from '../dist/src/trace/index.js'

const NUMBERS = process.argv.slice(2).filter((argument) => argument !== '--rows')
const SEEDS = Number(NUMBERS[0] ?? 10)
/** As --half-samples. */
const HALVES = NUMBERS[1] === undefined ? undefined : Number(NUMBERS[1])
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

const runOf = async (name, sampleOneIn, heat = false) =>
  replay({
    trace: await openTrace(name, { sampleOneIn }),
    machine: machine('2-socket'),
    policies: Object.keys(POLICIES),
    jobs: 1,
    heat,
    quickOptimum: true,
    halfSamples: HALVES,
  })

async function summary(name, sampleOneIn) {
  const run = await runOf(name, sampleOneIn)
  return { rows: run.rows('summary'), kept: run.record.trace.pages }
}

/** Rows of which tables are compared, by which columns, and figures that are quotients. */
const ROW_WORKLOADS = ['zipf:pages=40000,accesses=400000', 'uniform:table=128MiB,updates=200000', 'phase-shift:slab=16MiB,accesses=400000']
const ROWS = {
  epochs: { keys: ['time_ns'], figures: ['local_share', 'mean_latency_ns', 'migrated', 'hint_faults'] },
  nodes: { keys: ['time_ns', 'node'], figures: ['accesses_in', 'latency_ns', 'pages'] },
  traffic_over_time: { keys: ['time_ns', 'from_node', 'to_node'], figures: ['reads'] },
  latency_over_time: { keys: ['time_ns', 'latency_ns'], figures: ['accesses'] },
  stack_over_time: { keys: ['time_ns', 'component'], figures: ['ns'] },
  moves: { keys: ['time_ns', 'reason', 'from_node', 'to_node'], figures: ['pages'] },
}
const QUOTIENTS = { local_share: (row) => row.local / (row.local + row.remote), mean_latency_ns: (row) => row.memory_stall_ns / (row.local + row.remote) }

/** How many rows with an interval hold the figure of the row in the replay of all pages, by figure and kind of policy. */
async function rows() {
  const held = new Map()
  for (const workload of ROW_WORKLOADS) {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const [full, sampled] = [await runOf(`${workload},seed=${seed}`, undefined, true), await runOf(`${workload},seed=${seed}`, 10, true)]
      for (const [table, { keys, figures }] of Object.entries(ROWS)) {
        const keyOf = (row) => [row.lane, ...keys.map((key) => row[key])].join(' ')
        const truth = new Map(full.rows(table).map((row) => [keyOf(row), row]))
        for (const row of sampled.rows(table)) {
          const other = truth.get(keyOf(row))
          for (const figure of figures) {
            const half = row[`${figure}_ci95`]
            if (other === undefined || half === null || half === 0) continue
            const of = QUOTIENTS[figure] ?? ((one) => one[figure])
            const slot = `${table}, ${figure}`
            const entry = held.get(slot) ?? {}
            held.set(slot, entry)
            entry[POLICIES[row.lane]] ??= { rows: 0, held: 0 }
            const kind = entry[POLICIES[row.lane]]
            kind.rows++
            if (Math.abs(of(row) - of(other)) <= half) kind.held++
          }
        }
      }
    }
    process.stderr.write(`${workload}\n`)
  }
  const kinds = [...new Set(Object.values(POLICIES))]
  console.log(`| rows whose interval holds the figure of all pages | ${kinds.join(' | ')} |`)
  console.log(`|---|${kinds.map(() => '---').join('|')}|`)
  const cell = (one) => (one === undefined ? '' : `${((100 * one.held) / one.rows).toFixed(1)} % of ${one.rows.toLocaleString('en-US')}`)
  for (const [slot, entry] of held) console.log(`| ${slot} | ${kinds.map((kind) => cell(entry[kind])).join(' | ')} |`)
}

if (process.argv.includes('--rows')) {
  await rows()
  process.exit()
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
