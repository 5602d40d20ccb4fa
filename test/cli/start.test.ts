/** What a command loads before it works: packages that only some options need must not be among it. */
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { numareplay, ROOT, SAMPLES, temporaryFolder } from './run.ts'

const folder = temporaryFolder()
afterAll(() => rmSync(folder, { recursive: true }))

// hooks that name every module that is loaded
const hooks = join(folder, 'hooks.mjs')
writeFileSync(hooks, "export const load = (url, context, next) => (process._rawDebug('loaded ' + url), next(url, context))\n")
const register = join(folder, 'register.mjs')
writeFileSync(register, "import { register } from 'node:module'\nregister(new URL('hooks.mjs', import.meta.url))\n")

/** Files that a command loads as modules. */
function modulesOf(...args: string[]): string[] {
  const { status, stderr } = spawnSync(process.execPath, ['--import', register, join(ROOT, 'dist/src/cli/main.js'), ...args], { cwd: ROOT, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  const found = [...stderr.matchAll(/^loaded file:(.*)$/gm)].map(([, path]) => path!)
  // it does see what is loaded
  expect(found.filter((path) => path.endsWith('dist/src/cli/main.js'))).toHaveLength(1)
  return found
}

/** Packages among them, by name. */
const packagesOf = (...args: string[]): string[] => modulesOf(...args).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [])

const HEAVY = ['zod', 'vega', 'vega-lite', '@resvg/resvg-js', '@duckdb/node-api', 'apache-arrow', 'esbuild', 'hyparquet-compressors']

it('help of a command, an import and a replay without report load no package that they do not use', () => {
  const native = join(folder, 'sample.nrt')
  const sample = join(SAMPLES, 'master-first-touch-pinned.csv.gz')
  expect(numareplay(['import', sample, '-o', native]).code).toBe(0)
  const run = ['replay', native, '-m', 'opteron-8node', '--no-html', '-o', join(folder, 'run')]
  for (const args of [['replay', '--help'], ['import', '--help'], ['import', native, '-o', join(folder, 'again.nrt')], run, ['--help']])
    expect(
      packagesOf(...args).filter((name) => HEAVY.includes(name)),
      args.join(' '),
    ).toEqual([])
  const rarely = ['dist/src/yaml.js', 'dist/src/parquet.js', 'dist/traces/csv.js']
  const imported = modulesOf('import', native, '-o', join(folder, 'once-more.nrt'))
  expect(rarely.filter((name) => imported.some((path) => path.endsWith(name)))).toEqual([])
  // a folder is one module, and what it needs of packages is in it
  expect(modulesOf(...run).length).toBeLessThan(50)
})
