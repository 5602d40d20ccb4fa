/** The library does what the command line does: the example of the README runs as it stands, from outside, on the built package. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT, SAMPLES, temporaryFolder } from './cli/run.ts'

const EXAMPLE = /```ts\n(import \{ machine, openTrace, replay \}[\s\S]*?)```/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))![1]!

/** A project that has numareplay installed. */
function project(): string {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules/numareplay'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  symlinkSync(join(SAMPLES, 'master-first-touch-pinned.csv.gz'), join(folder, 'rec.csv.gz'))
  return folder
}

test('the five lines of the README print a table', () => {
  const folder = project()
  writeFileSync(join(folder, 'example.mjs'), EXAMPLE)
  const printed = execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' })
  expect(printed).toMatch(/first-touch[\s\S]*numa-balancing/)
})

test('the example type-checks under strict in a project of its own', () => {
  const folder = project()
  writeFileSync(join(folder, 'example.ts'), EXAMPLE)
  const options = { target: 'es2023', module: 'nodenext', strict: true, noEmit: true, skipLibCheck: true, types: [] as string[] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...options, lib: ['es2023', 'dom'] }, files: ['example.ts'] }))
  const { stdout, status } = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], { encoding: 'utf8' })
  expect([stdout, status]).toEqual(['', 0])
})

describe('what npm would publish', () => {
  const [pack] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  )
  const files: string[] = pack.files.map(({ path }: { path: string }) => path)

  test('has what package.json names', () => {
    const { bin, main, types } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    for (const file of [bin.numareplay, main, types]) expect(files).toContain(file.replace(/^\.\//, ''))
    for (const file of [
      'dist/policies/numa-balancing.js',
      'dist/traces/csv.js',
      'dist/reports/summary.js',
      'dist/report-runtime.js',
      'src/machine/presets/skx-cl-2s.yaml',
      'LICENSE',
      'README.md',
    ]) {
      expect(files).toContain(file)
    }
  })

  test('has no sources, tests or large recordings', () => {
    expect(files.filter((file) => /^(test|bench|\.ci|runs|node_modules)\//.test(file) || /^(src|policies)\/.*\.ts$/.test(file))).toEqual([])
    expect(pack.size).toBeLessThan(8e6)
  })
})
