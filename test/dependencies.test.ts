/** What is installed with us: exact versions, hashes, no install script that the docs do not name; and what the audit of CI makes of each answer. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from './cli/run.ts'

interface LockEntry {
  version?: string
  integrity?: string
  resolved?: string
  hasInstallScript?: boolean
  optional?: boolean
  os?: string[]
}
const json = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as Record<string, Record<string, unknown>>
const FOLDERS = ['.', '.ci/notebooks']
const lockOf = (folder: string) =>
  Object.entries(json(join(folder, 'package-lock.json'))['packages'] as Record<string, LockEntry>).filter(([path]) => path !== '')
const nameOf = (path: string): string => path.split('node_modules/').at(-1)!

describe.each(FOLDERS)('packages of %s', (folder) => {
  const manifest = json(join(folder, 'package.json'))
  const lock = lockOf(folder)

  test('have exact versions', () => {
    const versions = { ...manifest['dependencies'], ...manifest['devDependencies'] }
    expect(Object.entries(versions).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version)))).toEqual([])
    for (const [name, version] of Object.entries(versions)) expect(lock.find(([path]) => path === `node_modules/${name}`)?.[1].version, name).toBe(version)
  })

  test('have hashes; only packages of other platforms, which nobody here could install, may lack one', () => {
    const bare = lock.filter(([, { integrity }]) => integrity === undefined)
    expect(bare.filter(([, { optional, os }]) => !optional || os === undefined).map(([path]) => path)).toEqual([])
    expect(lock.length - bare.length).toBeGreaterThan(1)
    for (const [path, { resolved }] of lock) if (resolved !== undefined) expect(resolved, path).toMatch(/^https:\/\/registry\.npmjs\.org\//)
  })
})

test('install scripts are those that docs/security.md names, and no other', () => {
  const scripts = FOLDERS.flatMap((folder) => lockOf(folder).filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path))) // biome-ignore format: one thought
  const [, table] = /Install scripts\n(.*?)\n\n/s.exec(readFileSync(join(ROOT, 'docs/security.md'), 'utf8'))!
  const named = [...table!.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name)
  expect([...new Set(scripts)].sort()).toEqual(named.sort())
  expect(named).toContain('esbuild')
})

describe('npm audit in CI', async () => {
  const { verdict } = (await import(join(ROOT, '.ci/audit.mjs'))) as { verdict(stdout: string): { text: string; failed: boolean } }
  const found = (total: number, vulnerabilities = {}) =>
    JSON.stringify({ vulnerabilities, metadata: { vulnerabilities: { total }, dependencies: { total: 7 } } })
  test.each([
    ['nothing found', found(0), /no known vulnerability among 7/, false],
    ['a finding', found(1, { evil: { severity: 'low', range: '<2' } }), /1 vulnerable: evil <2 \(low\)/, true],
    [
      'a mirror without the endpoint',
      JSON.stringify({ message: '405 Method Not Allowed - POST …', statusCode: 405 }),
      /not available, nothing was audited/,
      false,
    ],
    ['a refusal', JSON.stringify({ message: '401 Unauthorized', statusCode: 401 }), /401/, true],
    ['no answer', '', /not understood/, true],
  ])('%s', (_, stdout, text, failed) => {
    expect(verdict(stdout)).toEqual({ text: expect.stringMatching(text), failed })
  })
})
