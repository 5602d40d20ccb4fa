/** Runs notebooks head to tail with nbconvert, each in the folder it lies in, and hands back what their cells showed. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export const NOTEBOOKS = resolve(import.meta.dirname, '../../notebooks')
const DENO = resolve(import.meta.dirname, '../../.ci/notebooks/node_modules/.bin/deno')

export interface Output {
  cell: number
  kind: 'stream' | 'display' | 'error'
  text: string
  data: Record<string, unknown>
}

export const hasJupyter = spawnSync('jupyter-nbconvert', ['--version']).status === 0
export const hasDeno = existsSync(DENO)

/** Kernels, settings and connection files of this run only. */
const home = mkdtempSync(join(tmpdir(), 'numareplay-jupyter-'))

export async function execute(name: string): Promise<Output[]> {
  mkdirSync(join(home, 'kernels/deno'), { recursive: true })
  writeFileSync(
    join(home, 'kernels/deno/kernel.json'),
    JSON.stringify({ argv: [DENO, 'jupyter', '--kernel', '--conn', '{connection_file}'], display_name: 'Deno', language: 'typescript' }),
  )
  const env = {
    ...process.env,
    JUPYTER_PATH: home,
    JUPYTER_RUNTIME_DIR: join(home, 'runtime'),
    JUPYTER_CONFIG_DIR: join(home, 'config'),
    IPYTHONDIR: join(home, 'ipython'),
    PYDEVD_DISABLE_FILE_VALIDATION: '1',
    PYTHONDONTWRITEBYTECODE: '1',
  }
  const patience = ['--ExecutePreprocessor.timeout=240', '--ExecutePreprocessor.startup_timeout=240']
  const words = ['--to', 'notebook', '--execute', `${name}.ipynb`, '--output-dir', home, ...patience, '--allow-errors']
  const { code, stderr } = await finished(spawn('jupyter-nbconvert', words, { cwd: NOTEBOOKS, env, stdio: ['ignore', 'ignore', 'pipe'] }))
  if (code !== 0) throw new Error(`nbconvert ended with ${code}: ${stderr}`)
  return outputsOf(readFileSync(join(home, `${name}.ipynb`), 'utf8'))
}

function finished(child: ReturnType<typeof spawn>): Promise<{ code: number | null; stderr: string }> {
  let stderr = ''
  child.stderr!.on('data', (part) => {
    stderr += part
  })
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('close', (code) => done({ code, stderr }))
  })
}

interface NotebookFile {
  cells: { outputs?: { output_type: string; text?: string | string[]; data?: Record<string, unknown>; ename?: string; evalue?: string }[] }[]
}

function outputsOf(file: string): Output[] {
  const joined = (text: unknown): string => (Array.isArray(text) ? text.join('') : String(text ?? ''))
  return (JSON.parse(file) as NotebookFile).cells.flatMap(({ outputs = [] }, cell) =>
    outputs.map(({ output_type, text, data = {}, ename, evalue }): Output => {
      if (output_type === 'error') return { cell, kind: 'error', text: `${ename}: ${evalue}`, data }
      if (output_type === 'stream') return { cell, kind: 'stream', text: joined(text), data }
      return { cell, kind: 'display', text: joined(data['text/plain']), data }
    }),
  )
}
