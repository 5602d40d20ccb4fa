import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { decompress, init } from '@bokuweb/zstd-wasm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { exportTable, openTrace } from '../../src/trace/index.ts'

const ZSTD = Buffer.from(readFileSync(join(import.meta.dirname, '../fixtures/traces/forty-rows.csv.zst.base64'), 'utf8'), 'base64')
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'numareplay-source-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function digest(name: string, bytes: Uint8Array): Promise<string> {
  const file = join(folder, name)
  writeFileSync(file, bytes)
  return (await openTrace(file)).meta.digest
}

it('content is the same however it is compressed and named', async () => {
  await init()
  const plain = Buffer.from(decompress(ZSTD))
  const half = plain.indexOf('\n', plain.length / 2) + 1
  const wanted = await digest('a.csv', plain)
  expect(await digest('a.csv.zst', ZSTD)).toBe(wanted)
  expect(await digest('b.csv.gz', gzipSync(plain))).toBe(wanted)
  // several members are one gzip file (RFC 1952, 2.2), as pigz and `cat a.gz b.gz` make them
  expect(await digest('c', Buffer.concat([gzipSync(plain.subarray(0, half)), gzipSync(plain.subarray(half))]))).toBe(wanted)
})

it('a generated trace and its CSV are the same recording', async () => {
  const name = 'producer-consumer:items=500,ring=16KiB,private=16KiB'
  for (const file of ['w.csv', 'w.csv.gz']) {
    expect(await exportTable(name, join(folder, file))).toBe(0)
    const { meta } = await openTrace(join(folder, file))
    const generated = (await openTrace(name)).meta
    expect([meta.digest, meta.fidelity, meta.carries]).toEqual([generated.digest, 'every access', generated.carries])
  }
})

it('a table longer than what is read at one time: into the memory of the kernels, copied into it, and read on after a quoted row', async () => {
  const rows = Array.from(
    { length: 40_000 },
    (_, i) => `${i * 3},1,${1 + (i % 3)},${i % 4},${i % 5 === 0 ? 'W' : 'R'},0x${((i * 7919) % 2 ** 24).toString(16)},8`,
  )
  const table = (list: string[]) => Buffer.from(`time_ns,pid,tid,cpu,op,addr,size\n${list.join('\n')}`)
  const wanted = await digest('long.csv', table(rows))
  // from gzip every chunk is copied
  expect(await digest('long.csv.gz', gzipSync(table(rows)))).toBe(wanted)
  for (const late of [1, 15_000, 39_999]) {
    const quoted = rows.with(late, rows[late]!.replace(/^(\d+)/, '"$1"'))
    expect(await digest(`quoted-${late}.csv`, table(quoted))).toBe(wanted)
  }
})
