// What a case gets: traces, yardsticks, the product, and ways to compare and record.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Served } from './served.mjs'
import { median } from './statistics.mjs'

export const BENCH = join(import.meta.dirname, '..')
export const ROOT = join(BENCH, '..')
const BUILD = join(BENCH, 'build')

/**
 * Sizes: accesses of a trace; what pages are divided by; rounds, and unmeasured runs of each side before them, at least so many and
 * for so many seconds (the engine compiles a lane's loops for some ten passes; whole processes are measured cold); how many
 * traces of a case; the least CPU seconds of a measurement of lanes.
 */
const SCALES = {
  full: { accesses: 20_000_000, shortest: 0.05, shrink: 1, rounds: 5, warmUps: 2, warmSeconds: 1, traces: 9 },
  quick: { accesses: 4_000_000, shortest: 0.05, shrink: 1, rounds: 5, warmUps: 2, warmSeconds: 1, traces: 9 },
  tiny: { accesses: 200_000, shortest: 0, shrink: 20, rounds: 1, warmUps: 0, warmSeconds: 0, traces: 1 },
}

/**
 * A lane with all it always has: capacities, counters, migrations, costs, latency histogram. Loaded latency and the picture of
 * pages over time can be turned off, and cases/features.mjs says what they cost.
 */
export const LANE = { contention: false, heat: false }

/** Traces of the cases: pattern and pages. */
export const TRACES = {
  'zipf 10k': ['zipf', 10_000],
  'zipf 1M': ['zipf', 1_000_000],
  'stream 1M': ['stream', 1_000_000],
  'mix 1M': ['mix', 1_000_000],
  'zipf 16M': ['zipf', 16_000_000],
}

export class Bench {
  rows = []
  #served = []
  #made = new Map()

  constructor({ scale, rounds, dist, log }) {
    this.scale = SCALES[scale]
    this.isFull = scale === 'full'
    this.rounds = rounds ?? this.scale.rounds
    this.dist = dist
    this.log = log
    mkdirSync(join(BUILD, 'traces'), { recursive: true })
  }

  /** As many traces of a case as this size measures. */
  some(names) {
    return names.slice(0, this.scale.traces)
  }

  /** Accesses between two moments at which a policy may act. */
  get tick() {
    return Math.min(1_000_000, this.scale.accesses / 4)
  }

  /** Compiles the yardsticks. */
  makeNatives() {
    this.log('compiling the C yardsticks')
    run('make', ['-s', '-C', join(BENCH, 'c'), `B=${BUILD}`])
  }

  /** Generated accesses: `packed` (c/bench.h), or `csv`. Made once per size, kept in bench/build. */
  generated(name, extension = 'u32', accesses = this.scale.accesses) {
    const [pattern, most] = TRACES[name]
    const pages = Math.ceil(most / this.scale.shrink)
    const file = join(BUILD, 'traces', `${pattern}-${pages}-${accesses}.${extension}`)
    const generator = join(BUILD, 'generate')
    if (!existsSync(file) || statSync(file).mtimeMs < statSync(generator).mtimeMs) {
      this.log(`generating ${name}`)
      run(generator, [pattern, String(pages), String(accesses), '1', file, ...(extension === 'csv' ? ['--csv'] : [])])
    }
    return file
  }

  /** The same accesses as the product stores them; imported anew in every run of the harness. */
  imported(name, ...options) {
    const packed = this.generated(name)
    const file = packed.replace(/\.u32$/, `${options.join('')}.nrt`)
    if (!this.#made.has(file)) {
      this.log(`importing ${name}`)
      this.#made.set(file, this.importPacked(packed, file, ...options))
    }
    return file
  }

  /** `numareplay import` of packed accesses, as a whole process. */
  importPacked(packed, out, ...options) {
    rmSync(out, { force: true })
    return this.command('import', packed, '--format', join(BENCH, 'plugins/packed.ts'), '--tick', `${10 * this.tick}ns`, '-o', out, ...options)
  }

  /** The product's command line as a whole process: { cpu, wall, peakBytes, stdout }. */
  command(...args) {
    const usage = join(BENCH, 'lib/usage.mjs')
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit', 'pipe'], maxBuffer: 2 ** 28 }
    const { status, stdout, output, error } = spawnSync(process.execPath, ['--import', usage, join(this.dist, 'src/cli/main.js'), ...args], options)
    if (error || status !== 0) throw error ?? new Error(`numareplay ${args.join(' ')} ended with ${status}`)
    return { stdout, ...JSON.parse(output[3]) }
  }

  /** A yardstick that waits for runs. */
  native(program, ...args) {
    return this.#serve(join(BUILD, program), args.map(String))
  }

  /** A process with the product's modules; `env` such as NUMAREPLAY_KERNELS. */
  product(env = {}) {
    return this.#serve(process.execPath, ['--expose-gc', '--max-old-space-size=8192', join(BENCH, 'lib/product.mjs'), this.dist], env)
  }

  /** A product process with a prepared trace in memory; `facts` says what it holds. */
  async opened(name, env = {}) {
    const product = this.product(env)
    const facts = await product.run({ action: 'open', file: this.imported(name) })
    const lanes = (policies, more) => product.run({ action: 'lanes', policies, shortest: this.scale.shortest, ...more })
    return { facts, lanes, run: (request) => product.run(request) }
  }

  #serve(command, args, env) {
    const served = new Served(command, args, env)
    this.#served.push(served)
    return served
  }

  /** Ends the processes of a case. */
  async endCase() {
    await Promise.all(this.#served.splice(0).map((served) => served.end()))
  }

  /** Both must have counted the same, or nothing is measured. */
  agree(what, ours, theirs) {
    if (JSON.stringify(ours) === JSON.stringify(theirs)) return
    const short = (value) => JSON.stringify(value)?.slice(0, 200)
    throw new Error(`the product and the yardstick disagree on ${what}\n  product   ${short(ours)}\n  yardstick ${short(theirs)}`)
  }

  /**
   * Runs `ours` and `theirs` in alternation and records a row. Both answer { cpu, wall } in seconds for `work` units (or
   * `oursWork` and `theirsWork`). The ratio is pair by pair: how many times as much work the product does in a CPU second.
   * `id` and `what` name the row to `--compare`; `detail` is what may change from version to version.
   */
  async compare({
    id,
    what,
    detail,
    unit,
    ours,
    theirs,
    against,
    work,
    oursWork = work,
    theirsWork = work,
    clock = 'cpu',
    target,
    reason,
    warmUps = this.scale.warmUps,
  }) {
    const pairs = []
    if (warmUps > 0) {
      this.log(`${id} ${what}: warming up`)
      for (const side of [ours, theirs]) {
        const end = performance.now() + 1000 * this.scale.warmSeconds
        for (let k = 0; k < warmUps || performance.now() < end; k++) await side()
      }
    }
    for (let round = 0; round < this.rounds; round++) {
      this.log(`${id} ${what}: round ${round + 1} of ${this.rounds}`)
      pairs.push({ ours: await ours(), theirs: await theirs() })
    }
    const rate = (side, amount, by) => pairs.map((pair) => amount / pair[side][by])
    const ratios = (by) => pairs.map(({ ours, theirs }) => oursWork / ours[by] / (theirsWork / theirs[by]))
    this.#record({
      id,
      what,
      detail,
      unit,
      against,
      ours: median(rate('ours', oursWork, clock)),
      theirs: median(rate('theirs', theirsWork, clock)),
      clock,
      ratios: ratios(clock),
      wallRatios: ratios('wall'),
      target,
      isMet: target === undefined ? undefined : median(ratios(clock)) >= target,
      reason,
    })
  }

  /** Records a figure that stands alone; met when it is at most `target` (or at least, with `atLeast`). */
  figure({ id, what, detail, unit, value, target, atLeast = false, reason }) {
    this.#record({
      id,
      what,
      detail,
      unit,
      ours: value,
      target,
      atMost: !atLeast,
      isMet: target === undefined ? undefined : atLeast ? value >= target : value <= target,
      reason,
    })
  }

  #record(row) {
    this.rows.push(JSON.parse(JSON.stringify({ ...row, reason: row.isMet === false ? (row.reason ?? '') : undefined })))
  }
}

export function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
  if (error?.code === 'ENOENT') throw new Error(`${command} is missing: the yardsticks need gcc and make`)
  if (error || status !== 0) throw error ?? new Error(`${command} ${args.join(' ')} ended with ${status}`)
}
