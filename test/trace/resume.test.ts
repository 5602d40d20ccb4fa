/** An import that is killed or interrupted goes on, and the file comes out as if nothing had happened. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { compress, init } from '@bokuweb/zstd-wasm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Random } from '../../src/columns/index.ts'

const MAIN = join(import.meta.dirname, '../../dist/src/cli/main.js')
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'numareplay-resume-'))
  // four processes, moving tasks, pages of the whole address space
  const random = new Random(5)
  const rows = ['time_ns,pid,tid,cpu,op,addr,size']
  for (let i = 0; i < 150_000; i++) {
    const pid = 1 + random.below(4)
    const high = ['', 'ffff8', '7f00'][random.below(3)]
    rows.push(
      `${i * 700},${pid},${10 * pid + random.below(3)},${random.below(6)},${'RW'[random.below(2)]},0x${high}${(random.below(5000) + 0x10000).toString(16)}000,8`,
    )
  }
  writeFileSync(join(folder, 'rec.csv.gz'), gzipSync(rows.join('\n')))
  // a frame to be skipped makes it large enough for a thread that decompresses
  const skipped = Buffer.alloc(2 ** 22)
  skipped.writeUInt32LE(0x184d2a50, 0)
  skipped.writeUInt32LE(skipped.length - 8, 4)
  await init()
  writeFileSync(join(folder, 'rec.csv.zst'), Buffer.concat([skipped, compress(Buffer.from(rows.join('\n')))]))
  writeFileSync(join(folder, 'script'), '1ms migrate_pages pid=1 from=0 to=1\n60ms migrate_pages pid=2 from=0 to=1\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Ended {
  code: number | null
  signal: string | null
  stderr: string
}

/** Runs an import, of `rec.csv.gz` unless `more` begins with another; sends a signal once a state was saved. */
function runImport(out: string, signal?: 'SIGKILL' | 'SIGINT' | 'SIGTERM', ...more: string[]): Promise<Ended> {
  const recording = more[0]?.startsWith('rec') ? more.shift()! : 'rec.csv.gz'
  const args = ['import', recording, '-o', out, '--events', 'script', '--checkpoint', '20k', ...more]
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const state = join(folder, `${out}.resume`)
  // one call: the import removes the state when it ends; numbers of files are used again
  const stamp = () => {
    const { ino, mtimeNs } = statSync(state, { throwIfNoEntry: false, bigint: true }) ?? {}
    return `${ino} ${mtimeNs}`
  }
  const seen = new Set([stamp()])
  // a state taken over is written again at once: the one after that is new
  const wanted = existsSync(state) ? 3 : 2
  const watch = setInterval(() => {
    if (!signal || seen.add(stamp()).size < wanted) return
    child.kill(signal)
    clearInterval(watch)
  }, 1)
  return new Promise((resolve) =>
    child.on('close', (code, by) => {
      clearInterval(watch)
      resolve({ code, signal: by, stderr })
    }),
  )
}

it.each([[[]], [['--keep-accesses']], [['rec.csv.zst']]])(
  'killed, interrupted, ended, then left alone: the same bytes, and nothing else remains %j',
  { timeout: 120_000 },
  async (options) => {
    for (const name of readdirSync(folder)) if (name.includes('.nrt')) rmSync(join(folder, name))
    expect(await runImport('whole.nrt', undefined, ...options)).toMatchObject({ code: 0 })
    const interruptions = []
    for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
      const ended = await runImport('resumed.nrt', signal, ...options)
      // the import was faster, at least as far as the file's name: then the file is whole
      if (existsSync(join(folder, 'resumed.nrt'))) {
        expect(readFileSync(join(folder, 'resumed.nrt')).equals(readFileSync(join(folder, 'whole.nrt')))).toBe(true)
        continue
      }
      interruptions.push(signal)
      if (signal === 'SIGKILL') continue
      expect(ended.code).toBe(130)
      expect(ended.stderr).toMatch(/interrupted: the same command goes on after the first [\d,]+ accesses/)
    }
    expect(interruptions.length).toBeGreaterThan(0)
    expect(await runImport('resumed.nrt', undefined, ...options)).toMatchObject({ code: 0 })
    expect(readFileSync(join(folder, 'resumed.nrt')).equals(readFileSync(join(folder, 'whole.nrt')))).toBe(true)
    expect(readdirSync(folder).sort()).toEqual(['rec.csv.gz', 'rec.csv.zst', 'resumed.nrt', 'script', 'whole.nrt'])
  },
)

it('another recording under that name, or a damaged state, starts anew', async () => {
  expect(await runImport('whole.nrt')).toMatchObject({ code: 0 })
  // an import may be at its end before it is killed
  for (let attempt = 0; (await runImport('new.nrt', 'SIGKILL')).signal !== 'SIGKILL'; attempt++) {
    expect(attempt).toBeLessThan(5)
    rmSync(join(folder, 'new.nrt'))
  }
  const state = join(folder, 'new.nrt.resume')
  const bytes = readFileSync(state)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(state, bytes)
  expect(await runImport('new.nrt')).toMatchObject({ code: 0 })
  expect(readFileSync(join(folder, 'new.nrt')).equals(readFileSync(join(folder, 'whole.nrt')))).toBe(true)
  expect(existsSync(state)).toBe(false)
})
