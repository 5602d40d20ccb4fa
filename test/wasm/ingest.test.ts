/** An import on WebAssembly kernels and one on their TypeScript twins give the same trace, and the scanners the same rows. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { AccessBatch } from '../../src/trace/access-batch.ts'
import { inMemory, MemoryStore } from '../../src/trace/folded-trace.ts'
import { type AccessKind, layoutOf, type PreparedTrace, TableRows, TableScanner, type TraceWriter } from '../../src/trace/index.ts'
import { FoldingWriter } from '../../src/trace/writer.ts'
import { Heap } from '../../src/wasm/index.ts'
import { listTicks } from '../trace/naive-fold.ts'
import { Recorder } from '../trace/recorder.ts'

type Push = (writer: FoldingWriter) => void

function folded(heap: Heap, push: Push, tickNs?: number): PreparedTrace {
  const writer = new FoldingWriter({ file: 'x', tickNs }, new MemoryStore(), heap)
  push(writer)
  return inMemory(writer.finish({ format: 'list', fidelity: 'every access', carries: ['accesses', 'cpus'] }))
}

function both(push: Push, tickNs?: number): void {
  const [wasm, plain] = [Heap.open(), Heap.plain()]
  expect([wasm.kind, plain.kind]).toEqual(['wasm', 'typescript'])
  const [found, wanted] = [folded(wasm, push, tickNs), folded(plain, push, tickNs)]
  expect(found.meta).toEqual(wanted.meta)
  expect(listTicks(found)).toEqual(listTicks(wanted))
  expect([found.events, found.tasks, found.cpus]).toEqual([wanted.events, wanted.tasks, wanted.cpus])
}

const access = fc.record({
  gap: fc.oneof({ weight: 9, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.constantFrom(0, 5000, 2 ** 33) }),
  pid: fc.integer({ min: 1, max: 3 }),
  tid: fc.integer({ min: 1, max: 4 }),
  cpu: fc.constantFrom(-1, 0, 1, 2, 900, 65_535),
  high: fc.constantFrom(0, 0x5555, 0x7fff, 0xffff_ffff),
  low: fc.oneof(fc.nat(0xffff), fc.integer({ min: 0, max: 0xffff_ffff })),
  bytes: fc.constantFrom(0, 1, 8, 64, 2 ** 30, 2 ** 40),
  kind: fc.constantFrom<AccessKind>(1, 2, 3),
  weight: fc.constantFrom(1, 1, 1, 17, 2 ** 20),
})

it('any accesses', () => {
  fc.assert(
    fc.property(fc.array(access, { minLength: 1, maxLength: 300 }), fc.constantFrom(undefined, 7, 1_000_000), fc.nat(50), (list, tickNs, every) => {
      both((writer) => {
        let timeNs = 3
        list.forEach(({ gap, pid, tid, cpu, high, low, bytes, kind, weight }, i) => {
          timeNs += tickNs === 7 ? Math.min(gap, 5000) : gap
          writer.access(timeNs, writer.task(pid, tid), cpu, high, low, bytes, kind, weight)
          if (every > 40 && i % every === 0) writer.event({ timeNs, kind: 'lost', records: i })
        })
      }, tickNs)
    }),
    { numRuns: 60 },
  )
})

it('batches, blocks and tables that are full: more pages, tasks and pairs than there is room for at first', () => {
  let state = 1
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const pushMany: Push = (writer) => {
    state = 7
    const tasks = Array.from({ length: 300 }, (_, i) => writer.task(1 + (i % 5), 10 + i))
    // scattered over 2^44 bytes: ids move from leaves into a table
    for (let i = 0; i < 40_000; i++) {
      const far = i % 2 === 0
      writer.access(
        i * 50,
        tasks[random(300)]!,
        random(9),
        far ? random(4096) : 0x7fff,
        far ? random(2 ** 32) : 4096 * random(9000),
        8,
        (1 + random(3)) as AccessKind,
        1,
      )
    }
  }
  both(pushMany)
})

const LAYOUTS = ['time_ns,pid,tid,cpu,op,addr,size', 'time_us,tid,rw,page,weight', 'op,addr', 'ip,time_s,cpu,addr', 'time,addr,tid,symbol'].map((header) =>
  header.split(','),
)
const cell = fc.oneof(
  { weight: 20, arbitrary: fc.nat(5000).map(String) },
  { weight: 6, arbitrary: fc.constantFrom('R', 'W', 'm', '1') },
  { weight: 6, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => `0x${value.toString(16)}`) },
  { weight: 3, arbitrary: fc.tuple(fc.nat(99), fc.stringMatching(/^[0-9]{1,10}$/)).map(([a, b]) => `${a}.${b}`) },
  { weight: 2, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 70n }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('', '-1', ' 7', '"8"', '#', '0x', '70000', '999999999999999') },
)
/** A cell that its column takes, mostly. */
const fitting = (name: string) => {
  if (name === 'op' || name === 'rw') return fc.constantFrom('R', 'W', 'r', '0')
  if (name === 'addr') return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => `0x${value.toString(16)}`)
  return name === 'cpu' || name === 'weight' ? fc.integer({ min: 1, max: 300 }).map(String) : fc.nat(2 ** 31 - 1).map(String)
}

it('rows of tables', () => {
  const row = fc.nat(LAYOUTS.length - 1).chain((which) => {
    const cells = LAYOUTS[which]!.map((name) => fc.oneof({ weight: 25, arbitrary: fitting(name) }, { weight: 1, arbitrary: cell }))
    return fc.tuple(fc.constant(which), fc.array(fc.tuple(...cells), { minLength: 1, maxLength: 30 }))
  })
  fc.assert(
    fc.property(
      row,
      fc.constantFrom('\n', '\r\n'),
      fc.integer({ min: 1, max: 300 }),
      fc.constantFrom(',', ',', ',', '\u012c'),
      ([which, rows], newline, chunk, separator) => {
        const bytes = Buffer.from(rows.map((cells) => cells.join(',') + newline).join(''))
        const scan = (heap: Heap) => {
          const recorder = new Recorder()
          const slow: unknown[] = []
          const trace: TraceWriter = Object.assign(recorder, {
            batch: () =>
              new AccessBatch(heap, (batch, n) => {
                for (let i = 0; i < n; i++) {
                  recorder.line = batch.lineOf(i)
                  recorder.access(
                    batch.time[i]!,
                    batch.task[i]!,
                    batch.cpu[i]! | 0,
                    batch.high[i]!,
                    batch.low[i]!,
                    batch.bytes[i]!,
                    batch.kind[i]! as AccessKind,
                    batch.weight[i]!,
                  )
                }
              }),
          })
          const layout = layoutOf(LAYOUTS[which]!, [], {}, { file: 'x', line: 1 })
          const keep = (text: string, line: number) => slow.push([line, recorder.calls.length, text])
          const scanner = new TableScanner(trace, {
            layout,
            separator,
            weight: 1,
            rows: new TableRows(trace, layout, 'x', 1),
            slow: keep,
            line: 2,
            file: 'x',
          })
          for (let at = 0; at < bytes.length; at += chunk) scanner.push(bytes.subarray(at, at + chunk))
          scanner.end()
          return { calls: recorder.calls, slow, line: scanner.line }
        }
        expect(scan(Heap.open())).toEqual(scan(Heap.plain()))
      },
    ),
    { numRuns: 150 },
  )
})
