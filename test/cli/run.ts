/** Runs the built command line as a user would; `npm test` builds it first. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')
export const SAMPLES = join(ROOT, 'traces/samples')
const MAIN = join(ROOT, 'dist/src/cli/main.js')

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

export function numareplay(args: string[], options: { cwd?: string; env?: Record<string, string> } = {}): Finished {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: options.cwd ?? ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
  })
  return { code: status, stdout, stderr }
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'numareplay-test-'))
