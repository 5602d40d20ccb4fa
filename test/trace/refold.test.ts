/** Kept accesses folded again the short way: what comes out is what the whole importer makes of the same accesses, byte for byte. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { AccessRecorder } from '../../src/trace/access-recorder.ts'
import type { EncodedBlock } from '../../src/trace/block-codec.ts'
import { MOST_PAIRS } from '../../src/trace/fold.ts'
import { MemoryStore } from '../../src/trace/folded-trace.ts'
import { importTrace, KeptAccesses, openTrace, type TraceEvent, type TraceWriter } from '../../src/trace/index.ts'
import { encodeTicks } from '../../src/trace/merge-ticks.ts'
import { NativeFileWriter, openNative } from '../../src/trace/native-file.ts'
import { Refold } from '../../src/trace/refold.ts'
import { Scratch } from '../../src/trace/scratch.ts'
import { FoldingWriter } from '../../src/trace/writer.ts'
import { Heap } from '../../src/wasm/index.ts'
import { temporaryFolder } from '../cli/run.ts'
import { listTicks } from './naive-fold.ts'

const folder = temporaryFolder()
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

type Push = (writer: TraceWriter) => void

const FACTS = { format: 'list', fidelity: 'every access', carries: ['accesses', 'tasks', 'cpus', 'time', 'events'] } as const

/** The file that the importer writes, accesses pushed one by one. */
function written(name: string, push: Push, tickNs: number | undefined, keepAccesses: boolean): Buffer {
  const file = new NativeFileWriter(at(name))
  const recorder = keepAccesses ? new AccessRecorder((bytes, shape) => file.accesses(bytes, shape)) : undefined
  const writer = new FoldingWriter({ file: 'list', tickNs, recorder })
  push(writer)
  const folded = writer.finish(FACTS)
  const scratch = new Scratch(at('scratch'))
  for (const block of folded.encodedBlocks(scratch)) file.block(block)
  file.finish(folded)
  scratch.remove()
  return readFileSync(at(name))
}

const refoldOf = (name: string, tickNs: number) => {
  const trace = openNative(at(name))
  return new Refold(trace, KeptAccesses.of(trace)!, tickNs)
}

const taken = async (blocks: Iterable<EncodedBlock> | AsyncIterable<EncodedBlock>) => {
  const list = []
  for await (const { shape, bytes } of blocks) list.push({ shape, bytes: Buffer.concat([...bytes]) })
  return list
}

const access = fc.record({
  gap: fc.oneof({ weight: 20, arbitrary: fc.constantFrom(0, 0, 1, 40, 300) }, { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 33 + 7) }),
  pid: fc.integer({ min: 1, max: 2 }),
  tid: fc.integer({ min: 1, max: 3 }),
  cpu: fc.constantFrom(-1, -1, 0, 1, 5),
  page: fc.oneof(fc.nat(4), fc.nat(300), fc.constant(2 ** 36)),
  /** How often the same again. */
  more: fc.oneof(fc.constant(0), fc.nat(70)),
  isWrite: fc.nat(2 ** 30),
  rare: fc.record({ modifies: fc.boolean(), weight: fc.constantFrom(1, 1, 17, 2 ** 19) }),
  event: fc.constantFrom('none', 'none', 'none', 'lost', 'runs'),
})

/** `isPlain`: accesses that each count once, as a read or as a write. */
const pushes = fc.tuple(fc.array(access, { minLength: 1, maxLength: 60 }), fc.boolean()).map(([list, isPlain]): Push => {
  return (writer) => {
    let timeNs = 5
    for (const { gap, pid, tid, cpu, page, more, isWrite, rare, event } of list) {
      const task = writer.task(pid, 10 * pid + tid)
      timeNs += gap
      const told: Record<string, TraceEvent> = {
        lost: { timeNs, kind: 'lost', records: 3 },
        runs: { timeNs, kind: 'task_runs_on', task, cpu: Math.max(cpu, 0) },
      }
      if (told[event]) writer.event(told[event])
      for (let i = 0; i <= more; i++) {
        const kind = !isPlain && rare.modifies && i % 3 === 0 ? 3 : (isWrite >>> (i % 30)) & 1 ? 2 : 1
        writer.access(timeNs, task, cpu, Math.floor(page / 2 ** 20), (page % 2 ** 20) * 4096 + i, 8, kind, isPlain ? 1 : rare.weight)
        timeNs += i % 4 === 0 ? 1 : 0
      }
    }
    writer.event({ timeNs: timeNs + 3, kind: 'lost', records: 1 })
  }
})

const ticks = fc.constantFrom(1_000_000, 100_000_000, 4_000_000_000)

describe('another tick for kept accesses', () => {
  it('gives the file that an import with that tick gives, with and without the accesses', async () => {
    await fc.assert(
      fc.asyncProperty(pushes, ticks, ticks, async (push, first, other) => {
        written('kept.nrt', push, first, true)
        for (const keepAccesses of [true, false]) {
          const wanted = written('wanted.nrt', push, other, keepAccesses)
          await importTrace(at('kept.nrt'), at('again.nrt'), { tickNs: other, keepAccesses })
          expect(readFileSync(at('again.nrt')).equals(wanted)).toBe(true)
        }
        const [found, wanted] = [await openTrace(at('kept.nrt'), { tickNs: other }), await openTrace(at('wanted.nrt'))]
        expect({ ...found.meta, file: '' }).toEqual({ ...wanted.meta, file: '' })
        expect(listTicks(found)).toEqual(listTicks(wanted))
        expect([found.events, found.tasks, found.cpus, found.pageVpage]).toEqual([wanted.events, wanted.tasks, wanted.cpus, wanted.pageVpage])
      }),
      { numRuns: 60 },
    )
  })

  it('where ticks are short, or too large for memory, from both kinds of kernels', async () => {
    const sizes = fc.record({ parts: fc.integer({ min: 2, max: 4 }), pairs: fc.integer({ min: 1, max: 5 }) })
    await fc.assert(
      fc.asyncProperty(pushes, fc.constantFrom(3, 70, 1000, 4_000_000_000), fc.integer({ min: 1, max: 30 }), sizes, async (push, tickNs, mostPairs, sizes) => {
        const calm: Push = (writer) => {
          // gaps of seconds would be millions of ticks
          let [before, after] = [0, 0]
          const at = (timeNs: number) => {
            after += Math.min(timeNs - before, 50 * tickNs)
            before = timeNs
            return after
          }
          push({
            ...{ line: 0, pageSize: 4096, process: (pid) => writer.process(pid), task: (pid, tid) => writer.task(pid, tid) },
            ...{ fact() {}, lint() {}, describe() {} },
            access: (timeNs, ...rest) => writer.access(at(timeNs), ...rest),
            event: (event) => writer.event({ ...event, timeNs: at(event.timeNs) }),
          })
        }
        written('kept.nrt', calm, Math.min(1000 * tickNs, 4e9), true)
        const store = new MemoryStore()
        const writer = new FoldingWriter({ file: 'list', tickNs }, store)
        calm(writer)
        const { tables, tickStartNs } = writer.finish(FACTS)
        const scratch = new Scratch(at('large'))
        const large = { scratch, mostPairs, sizes }
        const wanted = await taken(encodeTicks(store.take(), tickStartNs, { ...large, pages: tables.meta.pages }))
        for (const heap of [Heap.open(), Heap.plain()]) expect(await taken(refoldOf('kept.nrt', tickNs).encodedBlocks(large, undefined, heap))).toEqual(wanted)
        scratch.remove()
      }),
      { numRuns: 60 },
    )
  })

  it('takes no more memory where all accesses are in one tick, but for a word per page', async () => {
    const cpus = 64
    const memory = async (pairs: number) => {
      const push: Push = (writer) => {
        const tasks = Array.from({ length: cpus }, (_, cpu) => writer.task(1, cpu + 1))
        for (let i = 0; i < pairs; i++) {
          const cpu = Math.floor(i / (pairs / cpus))
          writer.access(i, tasks[cpu]!, cpu, 0, (i % (pairs / cpus)) * 4096, 8, 1, 1)
        }
      }
      written('kept.nrt', push, 1000, true)
      const heap = Heap.open()
      const scratch = new Scratch(at('large'))
      const blocks = await taken(refoldOf('kept.nrt', 1e9).encodedBlocks({ scratch, sizes: { parts: 2, pairs: 4096 } }, undefined, heap))
      scratch.remove()
      expect(blocks.map(({ shape }) => shape)).toEqual([{ firstTick: 0, ticks: 1, pairs, touches: pairs / cpus }])
      return heap.most
    }
    const few = await memory(3 * MOST_PAIRS)
    const many = await memory(9 * MOST_PAIRS)
    expect(many - few).toBeLessThan((24 * 6 * MOST_PAIRS) / cpus)
  })

  it('more blocks of accesses than one, of a generated trace and of samples, also without a change', async () => {
    const samples = ['sqlite.lackey.gz', 'bfs-powerlaw.csv.gz'].map((name) => join(import.meta.dirname, '../../traces/samples', name))
    for (const name of ['zipf:accesses=200000,pages=5000', ...samples]) {
      await importTrace(name, at('kept.nrt'), { keepAccesses: true })
      await importTrace(at('kept.nrt'), at('again.nrt'), { keepAccesses: true })
      expect(readFileSync(at('again.nrt')).equals(readFileSync(at('kept.nrt')))).toBe(true)
      const { tickNs } = (await openTrace(at('kept.nrt'))).meta
      await importTrace(name, at('wanted.nrt'), { tickNs: 3 * tickNs })
      await importTrace(at('kept.nrt'), at('again.nrt'), { tickNs: 3 * tickNs })
      expect(readFileSync(at('again.nrt')).equals(readFileSync(at('wanted.nrt')))).toBe(true)
    }
  })

  it('names what is damaged, and leaves nothing behind', async () => {
    await importTrace('zipf:accesses=149500,pages=500', at('whole.nrt'), { keepAccesses: true })
    const damaged = readFileSync(at('whole.nrt'))
    damaged[40_000]! ^= 1
    writeFileSync(at('kept.nrt'), damaged)
    for (const keepAccesses of [true, false])
      await expect(importTrace(at('kept.nrt'), at('x.nrt'), { tickNs: 12_345, keepAccesses })).rejects.toThrow(
        /block 1 of 3 of accesses \(bytes 8 to \d+\) of the trace file is damaged/,
      )
    expect(['x.nrt', 'x.nrt.scratch'].filter((name) => existsSync(at(name)))).toEqual([])
    await expect(openTrace(at('whole.nrt'), { tickNs: 1 })).rejects.toThrow(/cuts the trace into/)
    // whose blocks are in another order than their times
    const kept = openNative(at('whole.nrt'))
    kept.stored!.accesses!.blocks.reverse()
    await expect(new Refold(kept, KeptAccesses.of(kept)!, 12_345).inMemory()).rejects.toThrow(/block [12] of 3 of accesses .* is damaged/)
  })
})
