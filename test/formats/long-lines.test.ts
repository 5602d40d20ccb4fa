/** Lines far longer than any that a tool writes: patterns and splitting that are quadratic show here. */
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { listFormats, type StreamFormat } from '../../src/trace/index.ts'
import { FoldingWriter } from '../../src/trace/writer.ts'
import { fuzzTargets } from '../fuzz/targets.ts'

const SLOWEST_MS = 10_000

const formats = new Map((await listFormats()).map(({ name, format }) => [name, format as StreamFormat]))
const textTargets = (await fuzzTargets()).filter(({ name }) => formats.has(name.replace('format ', '')) && name !== 'format parquet')

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('a line of a mebibyte', { timeout: 120_000 }, () => {
  const fills = [' ', '0', '1 ', 'a', '-', '0x', ',', '(', '1.0: ', '|OP ', '12/', '[0] ', 'pid=', '{"', '"', '\\t']
  test.each(textTargets)('$name is read in time that grows with its length', async ({ name, samples }) => {
    const format = formats.get(name.replace('format ', ''))!
    const sample = samples[0]!
    for (const fill of fills) {
      const long = fill.repeat(Math.floor(1_000_000 / fill.length))
      for (const text of [long, `${sample.toString('latin1')}\n${long}\n`, `${sample.subarray(0, 40).toString('latin1')}${long}`]) {
        const bytes = Buffer.from(text, 'latin1')
        const start = performance.now()
        format.recognise({ bytes: bytes.subarray(0, 1 << 16), text: text.slice(0, 1 << 16), fileName: 'x' })
        const reading = format.read(chunks(bytes, 1 << 16), new FoldingWriter({ file: 'x' }), { file: 'x', options: {}, lenient: true })
        await reading.catch((error) => expect(error).toBeInstanceOf(UserError))
        expect(performance.now() - start).toBeLessThan(SLOWEST_MS)
      }
    }
  })
})
