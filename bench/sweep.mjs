// npm run bench:sweep [-- --rounds 3] [--md FILE] [--only long]
//
// What sweeps cost. `many`: 1,080 points over the bundled recordings with one and with two workers, in alternation: points per second, peak
// memory, scaling on the clock (means something on idle cores only) and in CPU seconds (means something always). `long`: points that
// take longer than 100 ms each, swept and as lanes alone with nothing around them, few and many of them: the slope is what a point
// costs (claims, encoding, files in it), what is left is paid once (a worker that loads the engine).
import { spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from 'simple-statistics'

const options = { rounds: { type: 'string', default: '3' }, md: { type: 'string' }, only: { type: 'string' } }
const { rounds: given, md, only } = parseArgs({ options }).values
const rounds = Number(given)
const ROOT = join(import.meta.dirname, '..')
const MAIN = join(ROOT, 'dist/src/cli/main.js')
const folder = mkdtempSync(join(tmpdir(), 'numareplay-bench-'))

const SEEDS = 15
const LONG = 40
/** Points that one worker replays in a pass: src/sweep/batches.ts. */
const BATCH = 10
const POLICIES = ['first-touch', 'interleave', 'hot-page-daemon:period=500ms|1s|2s', 'numa-balancing']
const samples = readdirSync(join(ROOT, 'traces/samples')).filter(
  (name) => /^(bfs|master-first-touch-pinned|phase|producer).*csv\.gz$/.test(name) && !name.includes('residency'),
)
for (const name of samples) copyFileSync(join(ROOT, 'traces/samples', name), join(folder, name))
const policies = POLICIES.map((policy) => `'${policy}'`).join(', ')
writeFileSync(join(folder, 'many.yaml'), `traces: '*.csv.gz'\nmachines: [spr-2s, 2s-plus-cxl, bdw-2s]\npolicies: [${policies}]\nseeds: 1-${SEEDS}\n`)
writeFileSync(join(folder, 'long.yaml'), `traces: 'zipf:pages=100000,accesses=40000000'\nmachines: spr-2s\npolicies: numa-balancing\nseeds: 1-${LONG}\n`)

/** CPU seconds and peak memory of a process so far, from /proc (proc(5): utime and stime in ticks of 10 ms). */
function usage(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  const peakKib = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, peakMiB: Math.round(peakKib / 1024), at: performance.now() }
}

/** A program that writes `"event":"start"` and `"event":"end"` lines on stderr; what it used between them. */
function measured(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    const seen = {}
    let last
    const look = (name) => {
      try {
        last = usage(child.pid)
        if (name) seen[name] ??= last
      } catch {
        // over already: the last look counts
        if (name) seen[name] ??= last
      }
    }
    const timer = setInterval(() => look(), 20)
    child.stderr.on('data', (data) => {
      for (const name of ['start', 'end']) if (String(data).includes(`"event":"${name}"`)) look(name)
    })
    child.on('close', (code) => {
      clearInterval(timer)
      const { start, end } = seen
      if (code !== 0 || !start || !end) reject(new Error(`${args.join(' ')} ended with ${code}`))
      else resolve({ cpu: end.cpu - start.cpu, seconds: (end.at - start.at) / 1000, peakMiB: end.peakMiB })
    })
  })
}

async function sweep(plan, jobs) {
  rmSync(join(folder, plan, 'points'), { recursive: true, force: true })
  return measured([MAIN, 'sweep', `${plan}.yaml`, '-o', plan, '--jobs', String(jobs), '--progress', 'json'])
}

/** The same lanes in the same batches, and nothing else. */
const BARE = `
import { readdirSync } from 'node:fs'
const [dist, folder, points, lanes] = process.argv.slice(1)
const { openTrace } = await import(dist + '/src/trace/index.js')
const { replaySolo } = await import(dist + '/src/replay/index.js')
const { parsePolicySpec } = await import(dist + '/src/policy/index.js')
const { machine } = await import(dist + '/src/machine/index.js')
const trace = await openTrace(folder + '/' + readdirSync(folder).find((name) => name.endsWith('.nrt')))
const [policy] = await parsePolicySpec('numa-balancing')
const say = (event) => new Promise((done) => process.stderr.write(JSON.stringify({ event }) + '\\n', done))
await say('start')
for (let i = 0; i < points; i += Number(lanes)) {
  const seeds = Array.from({ length: Math.min(lanes, points - i) }, (_, k) => 1 + i + k)
  const batch = seeds.map((seed) => ({ machine: machine('spr-2s'), policy, options: { seed, cpus: 'auto' } }))
  const failed = replaySolo(trace, batch).find((result) => result instanceof Error)
  if (failed) throw failed
}
await say('end')
await new Promise((done) => setTimeout(done, 100))
`
const bare = () => measured(['--input-type=module', '-e', BARE, join(ROOT, 'dist'), join(folder, 'long/traces'), String(LONG), String(BATCH)])

// the imports are made once, outside the measurement
if (only !== 'long') await sweep('many', 2)
await sweep('long', 1)
const runs = []
const pairs = []
for (let round = 0; round < rounds; round++) {
  const run = {}
  const turn = (list) => (round % 2 === 0 ? list : [...list].reverse())
  for (const jobs of only === 'long' ? [] : turn([1, 2])) run[jobs] = await sweep('many', jobs)
  for (let pair = 0; pair < 2; pair++) {
    const [lanes, swept] = await Promise.all([bare(), sweep('long', 1)])
    pairs.push({ lanes: lanes.cpu / LONG, swept: swept.cpu / LONG })
  }
  runs.push(run)
  process.stderr.write(`round ${round + 1} of ${rounds}\n`)
}
rmSync(folder, { recursive: true })

const of = (pick) => Number(median(runs.map(pick)).toPrecision(3))
const ofPairs = (pick) => Number(median(pairs.map(pick)).toPrecision(3))
const overhead = ({ lanes, swept }) => swept / lanes - 1
const points = samples.length * 3 * 6 * SEEDS
const result = {
  cpu: cpus()[0].model,
  cpus: availableParallelism(),
  load: Number(loadavg()[0].toFixed(1)),
  node: process.version,
  rounds,
  many: only !== 'long' && {
    points,
    pointsPerCpuSecond: of((run) => points / run[1].cpu),
    pointsPerSecond: { one: of((run) => points / run[1].seconds), two: of((run) => points / run[2].seconds) },
    scalingOnTheClock: of((run) => run[1].seconds / run[2].seconds),
    cpuOfTwoOverOne: of((run) => run[2].cpu / run[1].cpu),
    peakMiB: { one: of((run) => run[1].peakMiB), two: of((run) => run[2].peakMiB) },
  },
  long: {
    pairs: pairs.length,
    barePointCpuMs: ofPairs(({ lanes }) => lanes * 1000),
    sweptPointCpuMs: ofPairs(({ swept }) => swept * 1000),
    overhead: ofPairs(overhead),
    overheadOfPairs: pairs
      .map(overhead)
      .sort((a, b) => a - b)
      .map((one) => Number(one.toPrecision(3))),
  },
}
console.log(JSON.stringify(result, null, 2))
if (md && only !== 'long') {
  const { many, long } = result
  writeFileSync(
    md,
    `# Sweeps

Written by \`npm run bench:sweep -- --rounds ${rounds} --md ${md}\`: medians of ${rounds} rounds in alternation, Node ${result.node}, ${result.cpus} cpus (${result.cpu}),
load average ${result.load} at the end. On a busy machine only CPU seconds and ratios of them mean anything.

| ${points.toLocaleString('en')} points over ${samples.length} bundled recordings × 3 machines × 6 policy variants × ${SEEDS} seeds | |
|---|---|
| points per CPU second | ${many.pointsPerCpuSecond} |
| points per second, one worker / two workers | ${many.pointsPerSecond.one} / ${many.pointsPerSecond.two} |
| two workers against one, on the clock | ${many.scalingOnTheClock} |
| CPU seconds of two workers over one (1 = nothing lost) | ${many.cpuOfTwoOverOne} |
| peak memory, one worker / two workers | ${many.peakMiB.one} / ${many.peakMiB.two} MiB |

| a point of 40 M accesses, 100,000 pages, numa-balancing | CPU ms per point |
|---|---|
| lanes alone, same batches | ${long.barePointCpuMs} |
| swept: claims, worker, encoding, files, everything | ${long.sweptPointCpuMs} |
| overhead per point, median of ${long.pairs} pairs | ${(100 * long.overhead).toFixed(1)} % (pairs: ${long.overheadOfPairs.map((one) => `${(100 * one).toFixed(1)} %`).join(', ')}) |
`,
  )
}
