// npm run bench [-- --quick] [--only P4,P12] [--rounds 9] [--scale] [--compare old.json] [--out FOLDER] [--dist DIST]
//
// Compiles the C yardsticks, generates the traces, imports them, checks that product and yardstick count the same, measures both
// in alternation, and writes RESULTS.md and results.json. A case is a file in cases/: nothing lists them.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { BENCH, Bench, ROOT } from './lib/bench.mjs'
import { markdown } from './lib/show.mjs'
import { difference } from './lib/statistics.mjs'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    tiny: { type: 'boolean', default: false },
    scale: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    compare: { type: 'string' },
    out: { type: 'string' },
    dist: { type: 'string', default: join(ROOT, 'dist') },
  },
})
const size = options.tiny ? 'tiny' : options.quick ? 'quick' : 'full'
const wanted = options.only?.split(',')
const older = options.compare && JSON.parse(readFileSync(options.compare, 'utf8'))
if (older && older.environment.scale !== size)
  throw new Error(`${options.compare} was measured in ${older.environment.scale} size, this run is in ${size} size`)
const isTerminal = process.stderr.isTTY && !process.env.CI
const begin = performance.now()

/** One line that is overwritten on a terminal; in a file, one line per row that is measured. */
let lastSubject
function log(text) {
  if (isTerminal) process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`)
  else if (text.split(':')[0] !== lastSubject) process.stderr.write(`${text}\n`)
  lastSubject = text.split(':')[0]
}

const bench = new Bench({ scale: size, rounds: options.rounds && Number(options.rounds), dist: resolve(options.dist), log })
const environment = describeMachine()
bench.makeNatives()

const cases = []
for (const file of readdirSync(join(BENCH, 'cases')).sort()) {
  const { default: one } = await import(join(BENCH, 'cases', file))
  const isWanted = wanted === undefined ? !one.onlyOnRequest || options.scale : wanted.some((id) => one.ids.includes(id))
  if (isWanted) cases.push({ file, ...one })
}
if (cases.length === 0) throw new Error(`no case measures ${options.only}`)

/** A case that cannot be measured is named in the results; counters that differ end everything. */
const failures = []
for (const { check } of cases) {
  await check?.(bench)
  await bench.endCase()
}
for (const { file, ids, measure } of cases) {
  try {
    await measure(bench)
  } catch (error) {
    failures.push(`${ids.join(', ')} (bench/cases/${file}): ${error.message}`)
  }
  await bench.endCase()
}
if (isTerminal) process.stderr.write('\r\x1b[K')

environment.minutes = Number(((performance.now() - begin) / 60_000).toFixed(1))
const rows = bench.rows.sort((a, b) => order(a.id) - order(b.id))
const results = { schema: 'numareplay/bench/1', environment, rows, failures }
const isWhole = size === 'full' && wanted === undefined
const folder = options.out ?? (isWhole ? BENCH : join(BENCH, 'build'))
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
writeFileSync(join(folder, 'RESULTS.md'), markdown(results))
console.log(markdown(results))
console.log(`written: ${relative('.', join(folder, 'RESULTS.md'))}, ${relative('.', join(folder, 'results.json'))}`)

if (older) {
  const changes = rows.flatMap((row) => {
    const before = older.rows.find(({ id, what }) => id === row.id && what === row.what)
    return before?.ratios && row.ratios ? [{ row: `${row.id} ${row.what}`, ...difference(before.ratios, row.ratios) }] : []
  })
  console.log(`\nCompared with ${options.compare}: ${changes.length} rows in both`)
  for (const { row, change, p, verdict } of changes.filter(({ verdict }) => verdict !== 'same'))
    console.log(`${verdict}  ${(change * 100).toFixed(0)}% (p ${p.toFixed(4)})  ${row}`)
  if (changes.some(({ verdict }) => verdict === 'slower')) process.exitCode = 1
  else console.log('nothing is slower beyond noise')
}
if (failures.length > 0) process.exitCode = 1

/** P1 to P14, then the rest by name. */
function order(id) {
  const target = /^P(\d+)$/.exec(id)
  return target ? Number(target[1]) : 100 + id.charCodeAt(0)
}

function describeMachine() {
  const compiler = execFileSync('gcc', ['--version'], { encoding: 'utf8' }).split('\n')[0]
  return {
    cpu: cpus()[0].model.trim(),
    cpus: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    compiler,
    load: loadavg(),
    date: new Date().toISOString().slice(0, 10),
    version: existsSync(join(ROOT, 'package.json')) ? JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version : '',
    scale: size,
    rounds: bench.rounds,
    command: `npm run bench${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`,
  }
}
