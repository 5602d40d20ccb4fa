/** Lines far longer than any that a tool writes: patterns and splitting that are quadratic show here. */
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { listFormats, type StreamFormat } from '../../src/trace/index.ts'
import { FoldingWriter } from '../../src/trace/writer.ts'
import { fuzzTargets } from '../fuzz/targets.ts'

const SHORT = 250_000
const LONG = 4 * SHORT
/** Of the processor time: 4 where it grows with the length, 16 where it grows with the square. */
const MOST_TIMES = 8
/** What both cost whatever their length; a pattern that is quadratic over a line of a megabyte takes minutes. */
const ALLOWANCE_MS = 50
/** Collected garbage and cold code may spoil one comparison. */
const ATTEMPTS = 3

const formats = new Map((await listFormats()).map(({ name, format }) => [name, format as StreamFormat]))
const textTargets = (await fuzzTargets()).filter(({ name }) => formats.has(name.replace('format ', '')) && name !== 'format parquet')

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Processor time of this process, which does nothing else meanwhile: what other programs do does not count. */
async function cpuMs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

async function readLine(format: StreamFormat, text: string): Promise<void> {
  const bytes = Buffer.from(text, 'latin1')
  format.recognise({ bytes: bytes.subarray(0, 1 << 16), text: text.slice(0, 1 << 16), fileName: 'x' })
  const reading = format.read(chunks(bytes, 1 << 16), new FoldingWriter({ file: 'x' }), { file: 'x', options: {}, lenient: true })
  await reading.catch((error) => expect(error).toBeInstanceOf(UserError))
}

/** Attempts at which the cost of `read` grew with the square of the length; fewer than ATTEMPTS where one did not. */
async function squareCosts(read: (length: number) => Promise<void>): Promise<string[]> {
  const costs: string[] = []
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [short, long] = [await cpuMs(() => read(SHORT)), await cpuMs(() => read(LONG))]
    if (long <= MOST_TIMES * short + ALLOWANCE_MS) break
    costs.push(`${short.toFixed(1)} and ${long.toFixed(1)} ms`)
  }
  return costs
}

test('a pattern that is quadratic is told from one that is not', async () => {
  const line = (length: number) => ' '.repeat(Math.floor(length / 50))
  // what else the machine does may spoil one comparison, and with it a verdict; not this many of them
  const verdicts: string[][] = []
  do verdicts.push(await squareCosts(async (length) => void / +x/.test(line(length))))
  while (verdicts.at(-1)!.length < ATTEMPTS && verdicts.length < 5)
  expect(verdicts.at(-1), JSON.stringify(verdicts)).toHaveLength(ATTEMPTS)
  expect((await squareCosts(async (length) => void /^ +x/.test(line(length)))).length).toBeLessThan(ATTEMPTS)
})

describe('a line of a mebibyte', { timeout: 240_000 }, () => {
  const fills = [' ', '0', '1 ', 'a', '-', '0x', ',', '(', '1.0: ', '|OP ', '12/', '[0] ', 'pid=', '{"', '"', '\\t']
  test.each(textTargets)('$name is read in time that grows with its length', async ({ name, samples }) => {
    const format = formats.get(name.replace('format ', ''))!
    const sample = samples[0]!
    const shapes = [
      (line: string) => line,
      (line: string) => `${sample.toString('latin1')}\n${line}\n`,
      (line: string) => `${sample.subarray(0, 40).toString('latin1')}${line}`,
    ]
    for (const fill of fills) {
      for (const [i, shape] of shapes.entries()) {
        const costs = await squareCosts((length) => readLine(format, shape(fill.repeat(Math.floor(length / fill.length)))))
        expect(costs.length, `${JSON.stringify(fill)}, shape ${i}: lines of ${SHORT} and ${LONG} bytes took ${costs.join(', ')}`).toBeLessThan(ATTEMPTS)
      }
    }
  })
})
