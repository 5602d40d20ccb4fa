/**
 * The long mode: `npm run fuzz -- --inputs 1000000 [--seed 1] [--only NAME]`. Inputs are shared out evenly over the targets. A thread
 * does the work with a bounded heap; what it is busy with lies in shared memory, so that a hang is found, named and kept.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import fc from 'fast-check'
import { damagedOf } from './mutate.ts'
import { type FuzzTarget, fuzzTargets, survives } from './targets.ts'

/** Wall-clock: much, because the machine may be busy with other things. */
const SLOWEST_MS = 60_000
const HEAP_MIB = 1024
/** Inputs of a target in one go. */
const ROUND = 1000
const LARGEST_INPUT = 1 << 22

interface Work {
  inputs: number
  seed: number
  only: string
  /** [inputs done, length of the input at work, choice, index of the target]. */
  state: SharedArrayBuffer
  input: SharedArrayBuffer
}

if (isMainThread) watch()
else await work(workerData as Work)

function watch(): void {
  const { values } = parseArgs({
    options: { inputs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' }, only: { type: 'string', default: '' } },
  })
  const state = new SharedArrayBuffer(16)
  const input = new SharedArrayBuffer(LARGEST_INPUT)
  const data: Work = { inputs: Number(values.inputs), seed: Number(values.seed), only: values.only, state, input }
  const worker = new Worker(new URL(import.meta.url), { workerData: data, resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB } })
  const counters = new Int32Array(state)
  const start = performance.now()
  let done = -1
  let since = start
  let mostBytes = 0
  let targets: string[] = []
  const timer = setInterval(() => {
    mostBytes = Math.max(mostBytes, process.memoryUsage.rss())
    const now = Atomics.load(counters, 0)
    if (now !== done || targets.length === 0) since = performance.now()
    done = now
    if (performance.now() - since > SLOWEST_MS) fail(`${targets[counters[3]!]} hangs`)
  }, 1000)
  worker.on('message', (message: { targets?: string[]; failure?: string; finished?: string }) => {
    if (message.targets) targets = message.targets
    if (message.finished) process.stdout.write(`${message.finished}\n`)
    if (message.failure) fail(message.failure)
  })
  worker.on('error', (error) => fail(error.message))
  worker.on('exit', (code) => {
    clearInterval(timer)
    const seconds = ((performance.now() - start) / 1000).toFixed(0)
    process.stdout.write(`${Atomics.load(counters, 0)} inputs, seed ${values.seed}, ${seconds} s, at most ${(mostBytes / 2 ** 20).toFixed(0)} MiB resident: `)
    process.stdout.write(code === 0 ? 'every one a clean error or a result that holds together\n' : 'stopped\n')
    process.exitCode = code === 0 ? 0 : 1
  })

  function fail(problem: string): void {
    const file = `fuzz-failure-${values.seed}-${Atomics.load(counters, 0)}`
    writeFileSync(file, new Uint8Array(input, 0, counters[1]))
    process.stdout.write(`${targets[counters[3]!] ?? ''}: ${problem}\nthe input is ${file} (choice ${counters[2]})\n`)
    void worker.terminate()
  }
}

async function work({ inputs, seed, only, state, input }: Work): Promise<void> {
  const targets = (await fuzzTargets()).filter(({ name }) => name.includes(only))
  parentPort!.postMessage({ targets: targets.map(({ name }) => name) })
  const counters = new Int32Array(state)
  // in rounds, so that a run that is stopped has tried everything alike
  for (let round = 0; counters[0]! < inputs; round++) {
    for (const [i, target] of targets.entries()) {
      counters[3] = i
      await fuzz(target, Math.min(ROUND, Math.ceil(inputs / targets.length)), seed + round, counters, new Uint8Array(input))
    }
    parentPort!.postMessage({ finished: `round ${round + 1}: ${counters[0]} inputs` })
  }
  process.exit(0)
}

async function fuzz(target: FuzzTarget, runs: number, seed: number, counters: Int32Array, kept: Uint8Array): Promise<void> {
  const property = fc.asyncProperty(damagedOf(target.samples), fc.nat(29), async (bytes, choice) => {
    kept.set(bytes.subarray(0, kept.length))
    counters[1] = Math.min(bytes.length, kept.length)
    counters[2] = choice
    await survives(target, bytes, choice)
    Atomics.add(counters, 0, 1)
  })
  const { failed, errorInstance } = await fc.check(property, { numRuns: runs, seed, endOnFailure: true })
  if (!failed) return
  parentPort!.postMessage({ failure: (errorInstance as Error).stack })
  // the other thread ends this one
  await new Promise(() => {})
}
