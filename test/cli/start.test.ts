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

/** Packages, by name, that a command loads as modules. */
function packagesOf(...args: string[]): string[] {
  const { status, stderr } = spawnSync(process.execPath, ['--import', register, join(ROOT, 'dist/src/cli/main.js'), ...args], { cwd: ROOT, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  const found = [...stderr.matchAll(/^loaded file:.*?\/node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)].map(([, name]) => name!)
  // it does see what is loaded
  expect(found).toContain('yargs')
  return found
}

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
  expect(packagesOf('import', native, '-o', join(folder, 'once-more.nrt')).filter((name) => ['yaml', 'hyparquet'].includes(name))).toEqual(['hyparquet'])
})
