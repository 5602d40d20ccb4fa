// Sweeps: points per second and peak memory of a thousand points over the bundled recordings with one and two workers, and what
// a point costs beyond its bare replay. Usage: npm run build && node bench/sweep.mjs; prints JSON (bench/sweep.json is one such run).
import { spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const MAIN = join(ROOT, 'dist/src/cli/main.js')
const folder = mkdtempSync(join(tmpdir(), 'numareplay-bench-'))

const POLICIES = ['first-touch', 'interleave', 'hot-page-daemon:period=500ms|1s|2s', 'numa-balancing']
const samples = readdirSync(join(ROOT, 'traces/samples')).filter(
  (name) => name.endsWith('.csv.gz') && !name.includes('residency') && !name.includes('mem-shift'),
)
for (const name of samples) copyFileSync(join(ROOT, 'traces/samples', name), join(folder, name))
writeFileSync(
  join(folder, 'many.yaml'),
  `traces: '*.csv.gz'\nmachines: [spr-2s, 2s-plus-cxl, bdw-2s]\npolicies: [${POLICIES.map((p) => `'${p}'`).join(', ')}]\nseeds: 1-12\n`,
)
writeFileSync(join(folder, 'long.yaml'), `traces: 'zipf:pages=50000,accesses=10000000'\nmachines: spr-2s\npolicies: numa-balancing\nseeds: 1-8\n`)

/** Runs to the end; answers seconds since the first point could start, and the peak of resident memory. */
function sweep(plan, store, jobs) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, 'sweep', plan, '-o', store, '--jobs', String(jobs), '--json', '--progress', 'json'], { cwd: folder })
    let begin
    let end
    let peakKib = 0
    let out = ''
    child.stdout.on('data', (data) => {
      out += data
    })
    child.stderr.on('data', (data) => {
      if (begin === undefined && String(data).includes('"event":"start"')) begin = performance.now()
      if (String(data).includes('"event":"end"')) end = performance.now()
    })
    const timer = setInterval(() => {
      try {
        peakKib = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? peakKib)
      } catch {}
    }, 50)
    child.on('close', (code) => {
      clearInterval(timer)
      if (code !== 0) reject(new Error(`sweep ended with ${code}`))
      else resolve({ points: JSON.parse(out).points, seconds: (end - begin) / 1000, peakMiB: Math.round(peakKib / 1024) })
    })
  })
}

const round = (x) => Number(x.toPrecision(3))
// the imports are made once, outside the measurement
await sweep('many.yaml', 'warm', 2)
const many = {}
for (const jobs of [1, 2]) {
  rmSync(join(folder, 'warm/points'), { recursive: true })
  const { points, seconds, peakMiB } = await sweep('many.yaml', 'warm', jobs)
  many[`jobs${jobs}`] = { points, seconds: round(seconds), pointsPerSecond: round(points / seconds), peakMiB }
}

await sweep('long.yaml', 'long', 1)
rmSync(join(folder, 'long/points'), { recursive: true })
const long = await sweep('long.yaml', 'long', 1)
const { openTrace } = await import(join(ROOT, 'dist/src/trace/index.js'))
const { replay } = await import(join(ROOT, 'dist/src/replay/index.js'))
const { machine } = await import(join(ROOT, 'dist/src/machine/index.js'))
const trace = await openTrace(
  join(
    folder,
    'long/traces',
    readdirSync(join(folder, 'long/traces')).find((name) => name.endsWith('.nrt')),
  ),
)
let bare = 0
for (let seed = 1; seed <= 8; seed++) {
  const begin = performance.now()
  await replay({ trace, machine: machine('spr-2s'), policies: ['numa-balancing'], seed, jobs: 1 })
  bare += (performance.now() - begin) / 1000
}
rmSync(folder, { recursive: true })
console.log(
  JSON.stringify(
    {
      cpu: cpus()[0].model,
      cpus: availableParallelism(),
      load: round(loadavg()[0]),
      node: process.version,
      many: { ...many, ratio: round(many.jobs1.seconds / many.jobs2.seconds) },
      long: {
        points: 8,
        barePerPointMs: round((bare / 8) * 1000),
        sweptPerPointMs: round((long.seconds / 8) * 1000),
        overhead: round(long.seconds / bare - 1),
      },
    },
    null,
    2,
  ),
)
