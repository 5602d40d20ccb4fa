/** The diagram of docs/architecture.md as a table: who may import whom. Reads import lines, nothing else. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')

/** Folder (or file) below src -> what it may import besides itself. */
const MAY_IMPORT: Record<string, string[]> = {
  units: ['errors'],
  errors: [],
  package: [],
  schema: [],
  parquet: [],
  yaml: ['errors', 'schema'],
  columns: [],
  plugins: ['errors', 'package'],
  wasm: ['package'],
  trace: ['columns', 'units', 'errors', 'schema', 'parquet', 'package', 'plugins', 'yaml', 'wasm'],
  machine: ['columns', 'units', 'errors', 'schema', 'package', 'yaml'],
  cache: ['columns', 'units', 'errors', 'trace', 'machine'],
  kernel: ['columns', 'units', 'errors', 'schema', 'yaml', 'machine'],
  results: ['columns', 'units', 'errors', 'schema', 'parquet', 'package'],
  policy: ['columns', 'units', 'errors', 'plugins', 'kernel', 'machine', 'trace'],
  replay: ['columns', 'wasm', 'units', 'errors', 'package', 'plugins', 'trace', 'machine', 'kernel', 'results', 'policy'],
  conform: ['columns', 'units', 'errors', 'package', 'plugins', 'machine', 'kernel', 'policy'],
  sweep: ['columns', 'units', 'errors', 'schema', 'package', 'plugins', 'yaml', 'trace', 'machine', 'kernel', 'policy', 'replay', 'results'],
  notebook: ['columns', 'errors', 'machine', 'report'],
  query: ['columns', 'errors', 'results', 'sweep'],
  report: ['columns', 'units', 'errors', 'package', 'plugins', 'results'],
  index: ['columns', 'errors', 'machine', 'policy', 'replay', 'report', 'results', 'trace'],
}

/** Plug-in folder -> the one entry it may import. */
const PLUGIN_ENTRY: Record<string, string[]> = {
  policies: ['src/policy/index.ts'],
  traces: ['src/trace/index.ts', 'src/errors.ts', 'src/units.ts', 'src/columns/index.ts'],
  reports: ['src/report/index.ts', 'src/results/index.ts', 'src/units.ts', 'src/columns/index.ts'],
}

const filesBelow = (folder: string): string[] =>
  readdirSync(join(ROOT, folder)).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(join(ROOT, path)).isDirectory()) return filesBelow(path)
    return path.endsWith('.ts') ? [path] : []
  })

/** Repository paths a file imports by relative path. */
const importsOf = (file: string): string[] => {
  const source = readFileSync(join(ROOT, file), 'utf8')
  return [...source.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map(([, path]) => relative(ROOT, resolve(ROOT, dirname(file), path!)))
}

const partOf = (path: string): string => path.split('/')[1]!.replace(/\.ts$/, '')

describe('imports point down', () => {
  for (const file of filesBelow('src')) {
    const part = partOf(file)
    if (part === 'cli') continue
    test(file, () => {
      const allowed = MAY_IMPORT[part]
      expect(allowed, `${part} is not in the table of layers`).toBeDefined()
      for (const target of importsOf(file)) {
        expect(target.startsWith('src/'), `${file} imports ${target}`).toBe(true)
        if (partOf(target) === part) continue
        expect(allowed, `${file} imports ${target}`).toContain(partOf(target))
        const isWholeFolder = target.split('/').length > 2
        if (isWholeFolder) expect(target, `${file} reaches into ${partOf(target)}`).toMatch(/^src\/[^/]+\/index\.ts$/)
      }
    })
  }
})

describe('a plug-in imports one entry', () => {
  for (const [folder, entries] of Object.entries(PLUGIN_ENTRY)) {
    for (const file of filesBelow(folder)) {
      test(file, () => {
        for (const target of importsOf(file)) {
          if (target.startsWith(`${folder}/`)) continue
          expect(entries, `${file} imports ${target}`).toContain(target)
        }
      })
    }
  }
})

test('the table has no folder that does not exist', () => {
  const parts = new Set(filesBelow('src').map(partOf))
  expect(Object.keys(MAY_IMPORT).filter((part) => !parts.has(part))).toEqual([])
})
