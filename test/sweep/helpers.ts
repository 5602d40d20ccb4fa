/** Stores for tests: a folder with a plan and what it names, sweeps run as a user runs them, and stores compared byte by byte. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { ROOT, SAMPLES, temporaryFolder } from '../cli/run.ts'

export const MAIN = join(ROOT, 'dist/src/cli/main.js')

/** A folder with `plan.yaml` and further files. */
export function planFolder(plan: string, files: Record<string, string> = {}, samples: string[] = []): string {
  const folder = temporaryFolder()
  for (const [name, text] of Object.entries({ 'plan.yaml': plan, ...files })) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  for (const sample of samples) copyFileSync(join(SAMPLES, sample), join(folder, sample))
  return folder
}

export interface Running {
  child: ChildProcess
  ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>
}

/** The command line, running; its own process group is not needed: workers are threads. */
export function start(args: string[], cwd: string): Running {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { ...process.env, NO_COLOR: '1' } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  child.stderr.on('data', (data) => {
    stderr += data
  })
  const ended = new Promise<Awaited<Running['ended']>>((resolve) => child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })))
  return { child, ended }
}

export const run = (args: string[], cwd: string) => start(args, cwd).ended

/** Path -> sha256 of every file below a folder; nothing where there is none. */
export function contentOf(folder: string, skip: (path: string) => boolean = () => false): Record<string, string> {
  const content: Record<string, string> = {}
  const walk = (path: string): void => {
    for (const name of readdirSync(path).sort()) {
      const child = join(path, name)
      const key = relative(folder, child)
      if (skip(key)) continue
      if (statSync(child).isDirectory()) walk(child)
      else content[key] = createHash('sha256').update(readFileSync(child)).digest('hex')
    }
  }
  if (existsSync(folder)) walk(folder)
  return content
}
