/** What every file in traces/ promises. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../../src/columns/index.ts'
import { type FileHead, importTrace, listFormats, openTrace } from '../../src/trace/index.ts'
import { numareplay, ROOT, SAMPLES } from '../cli/run.ts'

const formats = await listFormats()
const head = (bytes: Uint8Array): FileHead => ({ bytes, text: Buffer.from(bytes).toString('latin1'), fileName: 'x' })

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'numareplay-formats-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe.each(formats)('format $name', ({ format }) => {
  it('says what it is', () => {
    expect(format.about.length).toBeGreaterThan(10)
    expect(format.about).not.toMatch(/\.$/)
    expect(format.extensions.every((extension) => extension.includes('.'))).toBe(true)
    expect(['every access', 'samples', 'regions']).toContain(format.fidelity)
    expect(format.carries.length).toBeGreaterThan(0)
    for (const about of Object.values(format.options ?? {})) expect(about.length).toBeGreaterThan(5)
  })

  it('is not sure about rubbish', () => {
    const random = new Random(1)
    for (let length = 0; length < 2000; length = length * 2 + 1) {
      const bytes = Uint8Array.from({ length }, () => random.below(256))
      expect(format.recognise(head(bytes))).toBeLessThan(0.5)
      expect(format.recognise(head(bytes.map((byte) => 32 + (byte % 90))))).toBeLessThan(0.5)
    }
  })
})

describe('samples', () => {
  const samples = readdirSync(SAMPLES).filter((name) => name.endsWith('.gz') && !name.includes('residency'))

  it.each(samples)('%s is recognised, in order, tells what it says, and imports to the same bytes twice', async (name) => {
    const trace = await openTrace(join(SAMPLES, name))
    const { meta, cpus, tasks, events } = trace
    expect(meta.timeSorted && meta.timeFirstNs <= meta.timeLastNs).toBe(true)
    expect(meta.carries.includes('cpus')).toBe(cpus.length > 0)
    expect(events.every((event, i) => i === 0 || events[i - 1]!.timeNs <= event.timeNs)).toBe(true)
    expect(tasks.reduce((sum, { accesses }) => sum + accesses, 0)).toBe(meta.accesses)
    expect(meta.reads + meta.writes).toBe(meta.accesses)
    await importTrace(join(SAMPLES, name), join(folder, 'a.nrt'))
    await importTrace(join(folder, 'a.nrt'), join(folder, 'b.nrt'))
    expect(readFileSync(join(folder, 'a.nrt')).equals(readFileSync(join(folder, 'b.nrt')))).toBe(true)
    expect((await openTrace(join(folder, 'b.nrt'))).meta.digest).toBe(meta.digest)
  })

  it('a residency table is no trace, and the message says why', async () => {
    await expect(openTrace(join(SAMPLES, 'bfs-powerlaw.residency.csv.gz'))).rejects.toThrow(/a table of places, not of accesses .*time, an operation/)
  })
})

describe('a format from outside the repository', () => {
  it('the one in docs/writing-a-format.md works as printed', () => {
    const guide = readFileSync(join(ROOT, 'docs/writing-a-format.md'), 'utf8')
    writeFileSync(join(folder, 'mine.ts'), /```ts\n(\/\/ mine\.ts\n[\s\S]*?)```/.exec(guide)![1]!)
    const inspect = (log: string) => {
      writeFileSync(join(folder, 'rec.mytool'), log)
      return numareplay(['inspect', 'rec.mytool', '--format', './mine.ts', '--json'], { cwd: folder })
    }
    const good = inspect('# mytool 1.0\n12.500us cpu 3 task 101 load 0x7f0000001040 +8\n13.000us cpu 0 task 102 store 0xffffffffffffffff +1\n')
    expect(good.stderr).toBe('')
    expect(JSON.parse(good.stdout)).toMatchObject({
      schema: 'numareplay/inspect/1',
      format: 'mine',
      accesses: 2,
      reads: 1,
      writes: 1,
      bytes: 9,
      pages: 2,
      timeFirstNs: 12_500,
      timeLastNs: 13_000,
      cpus: [
        { cpu: 0, accesses: 1 },
        { cpu: 3, accesses: 1 },
      ],
      tasks: [
        { pid: 1, tid: 101, accesses: 1 },
        { pid: 1, tid: 102, accesses: 1 },
      ],
    })
    const bad = inspect('12.500us cpu 3 task 101 load 0x7f0000001040 +8\nrubbish\n')
    expect(bad).toMatchObject({ code: 2, stdout: '', stderr: 'error: rec.mytool:2: not a line of mytool (got "rubbish")\n' })
  })

  it('a file that is no format, or does not compile, is refused by name', () => {
    const withFormat = (source: string) => {
      writeFileSync(join(folder, 'bad.ts'), source)
      return numareplay(['inspect', join(SAMPLES, 'gzip.lackey.gz'), '--format', './bad.ts'], { cwd: folder })
    }
    expect(withFormat('export default 7\n')).toMatchObject({ code: 2, stderr: expect.stringMatching(/bad\.ts: the default export is not a format/) })
    expect(withFormat('export default {\n')).toMatchObject({ code: 2, stderr: expect.stringMatching(/bad\.ts:\d+:\d+: the format does not compile/) })
  })
})
