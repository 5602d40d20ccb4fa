/**
 * The long mode: `npm run fuzz -- --inputs 1000000 [--seed 1] [--only NAME] [--state FILE]`. Inputs are shared out over the targets
 * in rounds; with a state file a run goes on from the round after the last one that it finished, and its counts add up. A thread does
 * the work with a bounded heap; what it is busy with lies in shared memory, so that a hang is found, named and kept.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import fc from 'fast-check'
import { damage, damagedBy } from './mutate.ts'
import { type FuzzTarget, fuzzTargets, survives } from './targets.ts'

/** Wall-clock: much, because the machine may be busy with other things. */
const SLOWEST_MS = 60_000
const HEAP_MIB = 1024
/** Of the whole process, buffers included. */
const RESIDENT_MIB = 2048
/** Inputs of a target in one round, where its share is 1. */
const ROUND = 1000
const LARGEST_INPUT = 1 << 22
/** Inputs kept of one kind of failure. */
const KEPT_ALIKE = 3

/** What a run has done, over all its processes. */
interface Progress {
  seed: number
  round: number
  inputs: Record<string, number>
  cpuSeconds: number
  mostMib: number
  /** First line of the message and place -> how often. */
  failures: Record<string, number>
}

interface Work {
  seed: number
  round: number
  /** The target to begin with. */
  from: number
  only: string
  /** [inputs done of the target, length of the input at work, choice, index of the target]. */
  state: SharedArrayBuffer
  input: SharedArrayBuffer
}

type Message = { target: string; inputs: number } | { round: number } | { failure: string; choice: number; target: string; bytes: Uint8Array }

if (isMainThread) watch()
else await work(workerData as Work)

function watch(): void {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      state: { type: 'string' },
    },
  })
  const wanted = Number(values.inputs)
  const progress: Progress =
    values.state !== undefined && existsSync(values.state)
      ? (JSON.parse(readFileSync(values.state, 'utf8')) as Progress)
      : { seed: Number(values.seed), round: 0, inputs: {}, cpuSeconds: 0, mostMib: 0, failures: {} }
  const cpuBefore = progress.cpuSeconds
  const total = () => Object.values(progress.inputs).reduce((a, b) => a + b, 0)

  run(0)

  function run(from: number): void {
    const state = new SharedArrayBuffer(16)
    const input = new SharedArrayBuffer(LARGEST_INPUT)
    const { seed, round } = progress
    const data: Work = { seed, round, from, only: values.only, state, input }
    const worker = new Worker(new URL(import.meta.url), { workerData: data, resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB } })
    const counters = new Int32Array(state)
    let done = -1
    let since = performance.now()
    let failed = false
    const timer = setInterval(() => {
      const mib = process.memoryUsage.rss() / 2 ** 20
      progress.mostMib = Math.max(progress.mostMib, Math.round(mib))
      const now = Atomics.load(counters, 0)
      if (now !== done) since = performance.now()
      done = now
      if (mib > RESIDENT_MIB) abandon(`more than ${RESIDENT_MIB} MiB resident`)
      else if (performance.now() - since > SLOWEST_MS) abandon('hangs')
    }, 500)
    worker.on('message', (message: Message) => {
      if ('failure' in message) note(message.target, message.failure, message.bytes, message.choice)
      else if ('target' in message) progress.inputs[message.target] = (progress.inputs[message.target] ?? 0) + message.inputs
      else {
        progress.round = message.round
        save()
        if (total() >= wanted) void worker.terminate()
      }
    })
    worker.on('error', (error) => abandon(error.message))
    worker.on('exit', () => {
      clearInterval(timer)
      if (failed) run(counters[3]! + 1)
      else finish()
    })

    /** The input at work is the finding; a new thread goes on with the next target. */
    function abandon(problem: string): void {
      if (failed) return
      failed = true
      note(`target ${counters[3]}`, problem, new Uint8Array(input).slice(0, counters[1]), counters[2]!)
      void worker.terminate()
    }
  }

  function note(target: string, failure: string, bytes: Uint8Array, choice: number): void {
    const [message, place] = failure.split('\n')
    const kind = `${target}: ${message}${place ?? ''}`
    progress.failures[kind] = (progress.failures[kind] ?? 0) + 1
    if (progress.failures[kind] > KEPT_ALIKE) return
    const file = `fuzz-failure-${progress.seed}-${total()}-${Object.keys(progress.failures).length}-${progress.failures[kind]}`
    writeFileSync(file, bytes)
    process.stdout.write(`${target}: ${failure}\nthe input is ${file} (choice ${choice})\n`)
  }

  function save(): void {
    const { user, system } = process.cpuUsage()
    progress.cpuSeconds = Math.round(cpuBefore + (user + system) / 1e6)
    process.stdout.write(`round ${progress.round}: ${total()} inputs, ${progress.cpuSeconds} s of CPU, at most ${progress.mostMib} MiB resident\n`)
    if (values.state === undefined) return
    writeFileSync(`${values.state}.new`, `${JSON.stringify(progress, null, 2)}\n`)
    renameSync(`${values.state}.new`, values.state)
  }

  function finish(): void {
    for (const [target, inputs] of Object.entries(progress.inputs)) process.stdout.write(`${String(inputs).padStart(9)}  ${target}\n`)
    const failures = Object.values(progress.failures).reduce((a, b) => a + b, 0)
    process.stdout.write(`${total()} inputs, seed ${progress.seed}, ${progress.cpuSeconds} s of CPU, at most ${progress.mostMib} MiB resident: `)
    process.stdout.write(failures === 0 ? 'every one a clean error or a result that holds together\n' : `${failures} failures\n`)
    process.exitCode = failures === 0 ? 0 : 1
  }
}

async function work({ seed, round, from, only, state, input }: Work): Promise<void> {
  const targets = (await fuzzTargets()).filter(({ name }) => name.includes(only))
  const counters = new Int32Array(state)
  const post = (message: Message) => parentPort!.postMessage(message)
  for (let r = round; ; r++) {
    for (const [i, target] of targets.entries()) {
      if (r === round && i < from) continue
      counters[3] = i
      const inputs = Math.ceil(ROUND * (target.share ?? 1))
      await fuzz(target, inputs, seed * 1_000_000 + r, counters, new Uint8Array(input), post)
      post({ target: target.name, inputs })
    }
    post({ round: r + 1 })
    // lets a message to end be heard
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function fuzz(target: FuzzTarget, inputs: number, seed: number, counters: Int32Array, kept: Uint8Array, post: (message: Message) => void): Promise<void> {
  for (const [how, choice] of fc.sample(fc.tuple(damage, fc.noBias(fc.nat(29))), { numRuns: inputs, seed })) {
    const bytes = damagedBy(target.samples, how)
    kept.set(bytes.subarray(0, kept.length))
    counters[1] = Math.min(bytes.length, kept.length)
    counters[2] = choice
    try {
      await survives(target, bytes, choice)
    } catch (error) {
      post({ target: target.name, failure: (error as Error).stack ?? String(error), choice, bytes })
    }
    Atomics.add(counters, 0, 1)
  }
}
