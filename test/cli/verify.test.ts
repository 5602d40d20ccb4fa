/** `numareplay verify`: a whole file passes, damage is named, a fold that its accesses do not give is found. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { encoded } from '../../src/trace/block-codec.ts'
import { KeptAccesses, openNative } from '../../src/trace/index.ts'
import { NativeFileWriter } from '../../src/trace/native-file.ts'
import { numareplay, SAMPLES, temporaryFolder } from './run.ts'

const folder = temporaryFolder()
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)
const verify = (name: string, ...more: string[]) => numareplay(['verify', at(name), ...more])

it('passes a whole file, with and without accesses, and names damage', () => {
  const kept = numareplay(['import', join(SAMPLES, 'sqlite.lackey.gz'), '--keep-accesses', '-o', at('kept.nrt')])
  expect(kept.code).toBe(0)
  numareplay(['import', at('kept.nrt'), '-o', at('lean.nrt')])
  expect(verify('lean.nrt')).toMatchObject({ code: 0, stdout: expect.stringMatching(/every checksum is right.*\nno single accesses are kept/) })
  const { code, stdout } = verify('kept.nrt', '--json', '-p', 'first-touch', '-p', 'interleave')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    schema: 'numareplay/verify/1',
    keptBlocks: 5,
    differences: [],
    lanes: [
      { label: 'first-touch', verdict: 'same' },
      { label: 'interleave', verdict: 'same' },
    ],
  })
  const bytes = readFileSync(at('kept.nrt'))
  bytes[bytes.length >> 2]! ^= 16
  writeFileSync(at('kept.nrt'), bytes)
  expect(verify('kept.nrt')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/block \d of 5 of accesses \(bytes \d+ to \d+\) of the trace file is damaged/),
  })
})

it('lanes that move pages are not counted one by one', () => {
  numareplay(['import', join(SAMPLES, 'master-first-touch-pinned.csv.gz'), '--keep-accesses', '-o', at('moving.nrt')])
  const { code, stdout } = verify('moving.nrt', '-p', 'numa-balancing')
  expect(code).toBe(0)
  expect(stdout).toMatch(/fold again into the same ticks and tables\nnuma-balancing: pages moved/)
})

it('finds a fold that the accesses do not give, though every checksum is right', () => {
  const rows = (op: string) => [
    'time_ns,pid,tid,cpu,op,addr',
    ...Array.from({ length: 100 }, (_, i) => `${i * 10},1,${1 + (i % 2)},${i % 2},${i === 50 ? op : 'R'},0x${1 + (i % 7)}000`),
  ]
  for (const [name, op] of [
    ['one', 'R'],
    ['other', 'W'],
  ] as const) {
    writeFileSync(at(`${name}.csv`), rows(op).join('\n'))
    expect(numareplay(['import', at(`${name}.csv`), '--keep-accesses', '-o', at(`${name}.nrt`)]).code).toBe(0)
  }
  const [one, other] = [openNative(at('one.nrt')), openNative(at('other.nrt'))]
  const { pageVpage, pageProcess, tickStartNs, ...tables } = one
  const writer = new NativeFileWriter(at('mixed.nrt'))
  const bytes = readFileSync(at('other.nrt'))
  for (const { offset, bytes: length, crc32: _, ...shape } of other.stored!.accesses!.blocks) writer.accesses(bytes.subarray(offset, offset + length), shape)
  for (let b = 0; b < one.blocks; b++) writer.block(encoded(one.block(b)))
  writer.finish({
    tables,
    tickStartNs,
    eventsAt: KeptAccesses.of(other)!.eventsAt(),
    readPages: (from, vpages, processes) => {
      vpages.set(pageVpage.subarray(from, from + vpages.length))
      processes.set(pageProcess.subarray(from, from + processes.length))
    },
  })
  const { code, stdout } = verify('mixed.nrt')
  expect(code).toBe(3)
  expect(stdout).toMatch(/fold into something else:\n {2}the table meta is another one\n {2}block 1 of 1 of ticks is another one\nfirst-touch: .*DIFFER/)
})
