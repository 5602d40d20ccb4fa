// The product side of the measurements: modules of a build, in a process of their own, one request per line on stdin.
//   node lib/product.mjs DIST
import { createReadStream, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { parse } from 'csv-parse'
import * as optimum from './optimum-blocks.mjs'

const dist = process.argv[2]
/** Of one measurement. */
const MOST_RUNS = 50
const load = (module) => import(pathToFileURL(join(dist, module)).href)
const [
  { importTrace, KeptAccesses, nearReader, openTrace, PAIR_WORDS },
  { Arena, cellsOf, withWorkspace, workspaceOn },
  { machine },
  { parsePolicySpec },
  { planReplay },
  { replayLanes },
  { replay },
] = await Promise.all(
  [
    'src/trace/index.js',
    'src/wasm/index.js',
    'src/machine/index.js',
    'src/policy/index.js',
    'src/replay/plan.js',
    'src/replay/pass.js',
    'src/replay/replay.js',
  ].map(load),
)

/** As the yardsticks have it: cpus 2n and 2n + 1 on node n. */
export const MACHINE = 'opteron-8node'
const CPUS = Array.from({ length: 8 }, (_, node) => `${2 * node}-${2 * node + 1}:${node}`).join(',')

let trace
/** Single accesses of a file, as words in the memory of the kernels. */
let single
const plans = new Map()

const actions = {
  /** Opens a prepared trace and keeps all of its blocks in memory. */
  open({ file }) {
    return openTrace(file).then((opened) => {
      const blocks = Array.from({ length: opened.blocks }, (_, b) => kept(opened.block(b)))
      trace = { ...opened, reader: undefined, stored: undefined, block: (b) => blocks[b] }
      const sum = (of) => blocks.reduce((total, block) => total + of(block), 0)
      const { accesses, pages, tickNs } = trace.meta
      const pairs = sum(({ pairStart, ticks }) => pairStart[ticks] - pairStart[0])
      const touches = sum(({ touchStart, ticks }) => touchStart[ticks] - touchStart[0])
      return { accesses, pages, ticks: trace.ticks, tickNs, pairs, touches }
    })
  },

  /** The sum of cell hashes that c/fold.c prints, from the ticks of the prepared trace. */
  foldHash() {
    return { hash: hashOf(trace) }
  },

  /** Kept accesses of a file folded into other ticks, in memory, as `replay --tick` does; with `isHashed` the same sum as above. */
  async refold({ file, tickNs, isHashed = false }) {
    const { value: folded, ...time } = await measured(() => openTrace(file, { tickNs }))
    return { ...time, ticks: folded.ticks, hash: isHashed ? hashOf(folded) : undefined }
  },

  /**
   * The lane loop over the trace in memory: plan and policies are made once and kept. With `placed` the trace is played twice and
   * only the second time counts: every page has been allocated. Short runs are repeated until `shortest` CPU seconds are measured,
   * and their mean is told.
   */
  async lanes({ policies, options = {}, placed = false, shortest = 0 }) {
    const key = JSON.stringify([policies, options, placed])
    if (!plans.has(key)) {
      const lanes = (await Promise.all(policies.map(parsePolicySpec))).flat()
      plans.set(key, planReplay(placed ? twice(trace) : trace, machine(MACHINE), lanes, { seed: 1, cpus: CPUS, heat: true, ...options }))
    }
    const { context, lanes } = plans.get(key)
    const time = { cpu: 0, wall: 0 }
    let runs = 0
    let results
    do {
      const clock = stopwatch()
      let first = { cpu: 0, wall: 0 }
      const progress = (share) => {
        if (placed && first.wall === 0 && share >= 0.5) first = clock()
      }
      results = replayLanes(context, lanes, { progress })
      const all = clock()
      time.cpu += all.cpu - first.cpu
      time.wall += all.wall - first.wall
      runs++
    } while (time.cpu < shortest && runs < MOST_RUNS)
    const bad = results.find(({ status }) => status !== 'ok')
    if (bad) throw new Error(`${bad.label}: ${bad.message}`)
    const { reads, writes, migrated, hintFaults } = results[0].totals
    return {
      cpu: time.cpu / runs,
      wall: time.wall / runs,
      migrations: migrated,
      hintFaults,
      counters: Array.from(reads).flatMap((count, i) => [count, writes[i]]),
    }
  },

  /** The library's main job, threads included; `thread`: processor seconds of this one. */
  async replay({ policies, jobs }) {
    const on = machine(MACHINE)
    const before = threadSeconds()
    const { value: _, ...time } = await measured(() => replay({ trace, machine: on, policies, cpus: CPUS, jobs }))
    return { ...time, thread: threadSeconds() - before }
  },

  /** A recording into the native file, without the start of a process. */
  async import({ file, out, format }) {
    rmSync(out, { force: true })
    return { ...(await measured(() => importTrace(file, out, { format }))), value: undefined }
  },

  /** A CSV file into dense columns in memory: the format, batches and page table of an import, without fold, digest and file. */
  async columns({ file }) {
    const [{ default: csv }, { AccessBatch }, { Actors }, { PageTable }, { openBytes }, { Heap }] = await Promise.all(
      ['traces/csv.js', 'src/trace/access-batch.js', 'src/trace/actors.js', 'src/trace/pages.js', 'src/trace/source.js', 'src/wasm/index.js'].map(load),
    )
    let hash = 0
    const { value: pages, ...time } = await measured(async () => {
      const heap = Heap.open()
      const actors = new Actors(heap, (problem) => new Error(problem))
      const table = new PageTable(heap)
      const take = (batch, rows) => {
        table.find(batch, 0, rows, actors.state, 12, (task) => actors.tasks[task].process)
        const { page, cpu, kind } = batch
        let sum = 0
        for (let i = 0; i < rows; i++) sum = (sum + Math.imul(page[i], (cpu[i] << 1) + kind[i])) | 0
        hash = (hash + sum) >>> 0
      }
      const nothing = () => {}
      const writer = {
        pageSize: 4096,
        task: (pid, tid) => actors.knownTask(pid, tid) ?? actors.newTask(pid, tid),
        batch: () => new AccessBatch(heap, take),
        ...{ fact: nothing, lint: nothing, describe: nothing },
      }
      await csv.read((await openBytes(file)).bytes, writer, { file, options: {} })
      return table.count
    })
    return { ...time, pages, hash }
  },

  /** What the same rows cost with csv-parse, nothing done with them but counting. */
  async csvParse({ file }) {
    let rows = -1 // the header
    const { cpu, wall } = await measured(async () => {
      const parser = createReadStream(file).pipe(parse())
      for await (const _ of parser) rows++
    })
    return { cpu, wall, rows }
  },

  /** Every block of a prepared file, decoded to where lanes read it. */
  async decode({ file }) {
    const opened = await openTrace(file)
    let pairs = 0
    const time = await measured(() =>
      withWorkspace((space) => {
        const read = nearReader(opened, space) ?? opened.block
        for (let b = 0; b < opened.blocks; b++) pairs += read(b).pairs.length / PAIR_WORDS
      }),
    )
    return { cpu: time.cpu, wall: time.wall, pairs }
  },

  /** Opens the single accesses of a prepared file; each page lies where it is touched first. */
  async openAccesses({ file }) {
    const { actorCpu, meta, stored } = await openTrace(file)
    const accesses = KeptAccesses.of({ actorCpu, meta, stored, actorTask: actorCpu })
    const arena = new Arena()
    const space = workspaceOn(arena)
    const { layout } = accesses
    const words = space.u32(meta.records)
    const node = space.u8(meta.pages).fill(255)
    const cells = space.u32(cellsOf(layout, 8))
    single = { accesses, arena, space, layout, words, node, cells, actorCpu, records: meta.records }
    let done = 0
    eachBlock((block, n) => {
      for (let i = 0; i < n; i++) {
        const page = block[i] >>> layout.shift
        if (node[page] === 255) node[page] = actorCpu[(block[i] & (2 ** layout.shift - 1)) >>> 3] >> 1
      }
      words.set(block.subarray(0, n), done)
      done += n
    })
    const bytes = stored.accesses.blocks.reduce((sum, place) => sum + place.bytes, 0)
    return { accesses: meta.records, pages: meta.pages, bytes }
  },

  /** Every access counted on the node of its page; the words are in memory, as in c/replay.c. */
  async countAccesses() {
    const { space, layout, words, node, cells, records } = single
    cells.fill(0)
    const time = await measured(() => space.kernels.countAccesses(words, records, layout, node, 8, cells))
    return { cpu: time.cpu, wall: time.wall, counters: byNodes() }
  },

  /** The same, block by block from the file. */
  async countFromFile() {
    const { space, layout, node, cells } = single
    cells.fill(0)
    const time = await measured(() => eachBlock((block, n) => space.kernels.countAccesses(block, n, layout, node, 8, cells)))
    return { cpu: time.cpu, wall: time.wall }
  },

  async decodeAccesses() {
    const time = await measured(() => eachBlock(() => {}))
    return { cpu: time.cpu, wall: time.wall }
  },

  async optimum({ pages, epochs }) {
    const { pageOptimum } = await load('src/replay/bound-pages.js')
    const { boundProblem } = await load('src/replay/bound-problem.js')
    const problem = boundProblem(optimum.context(machine(MACHINE), pages, epochs))
    const { value: ps, ...time } = await measured(() => pageOptimum(problem).ps)
    return { ...time, ps, movePs: problem.movePs, readPs: Array.from(problem.readPs), writePs: Array.from(problem.writePs) }
  },

  memory() {
    globalThis.gc?.()
    return { ...process.memoryUsage(), peakRss: process.resourceUsage().maxRSS * 1024 }
  },
}

/** The kept accesses as words, block by block; what was made for a block is taken back. */
function eachBlock(visit) {
  const { accesses, arena, space } = single
  for (let b = 0; b < accesses.blocks; b++) {
    const mark = arena.mark()
    visit(accesses.words(b, space).words, accesses.accesses(b))
    arena.release(mark)
  }
}

/** By node of the cpu, node of the page, read or write: as c/replay.c reports them. */
function byNodes() {
  const { layout, cells, actorCpu } = single
  const counters = new Array(8 * 8 * 2).fill(0)
  actorCpu.forEach((cpu, actor) => {
    for (let home = 0; home < 8; home++)
      for (const op of [0, 1]) counters[((cpu >> 1) * 8 + home) * 2 + op] += cells[home * cellsOf(layout, 1) + 2 * actor + op]
  })
  return counters
}

function hashOf(folded) {
  let hash = 0
  for (let b = 0; b < folded.blocks; b++) {
    const { firstTick, ticks, pairStart, pairs } = folded.block(b)
    for (let i = 0; i < ticks; i++) {
      for (let k = pairStart[i] * PAIR_WORDS; k < pairStart[i + 1] * PAIR_WORDS; k += PAIR_WORDS) {
        const key = ((pairs[k] << 8) | (folded.actorCpu[pairs[k + 1]] << 1)) >>> 0
        hash = (hash + Math.imul(pairs[k + 2], cellHash(firstTick + i, key)) + Math.imul(pairs[k + 3], cellHash(firstTick + i, key + 1))) >>> 0
      }
    }
  }
  return hash
}

function cellHash(tick, word) {
  let h = Math.imul(word, 0x9e3779b1) ^ Math.imul(tick + 1, 0x85ebca6b)
  h ^= h >>> 15
  h = Math.imul(h, 0x2c1b3c6d)
  return (h ^ (h >>> 13)) >>> 0
}

/** A block as an in-memory trace has it: a reader of files uses its arrays again. */
function kept(block) {
  const shared = (column) => {
    const copy = new column.constructor(new SharedArrayBuffer(column.byteLength))
    copy.set(column)
    return copy
  }
  return Object.fromEntries(Object.entries(block).map(([name, column]) => [name, ArrayBuffer.isView(column) ? shared(column) : column]))
}

/** The trace and then, later, the same accesses again. */
function twice(trace) {
  const { blocks, ticks, tickStartNs } = trace
  const span = tickStartNs[ticks] - tickStartNs[0]
  const later = Array.from({ length: blocks }, (_, b) => {
    const block = trace.block(b)
    return { ...block, firstTick: block.firstTick + ticks, startNs: block.startNs.map((ns) => ns + span) }
  })
  return {
    ...trace,
    meta: { ...trace.meta, timeLastNs: trace.meta.timeLastNs + span },
    ticks: 2 * ticks,
    tickStartNs: Float64Array.from([...tickStartNs.subarray(0, ticks), ...tickStartNs.map((ns) => ns + span)]),
    blocks: 2 * blocks,
    block: (b) => (b < blocks ? trace.block(b) : later[b - blocks]),
  }
}

/** CPU seconds of all threads of this process, and seconds on the clock, since it was made. */
function stopwatch() {
  const before = process.cpuUsage()
  const begin = performance.now()
  return () => {
    const wall = (performance.now() - begin) / 1000
    const { user, system } = process.cpuUsage(before)
    return { cpu: (user + system) / 1e6, wall }
  }
}

/** Processor seconds of this thread; NaN where the system does not tell (Linux does). */
function threadSeconds() {
  const file = '/proc/thread-self/schedstat'
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e9 : Number.NaN
}

async function measured(work) {
  const clock = stopwatch()
  const value = await work()
  return { value, ...clock() }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { action, ...request } = JSON.parse(line)
  console.log(JSON.stringify(await actions[action](request)))
}
