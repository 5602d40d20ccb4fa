import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import yargs from 'yargs'
import command from '../../src/cli/commands/machine.ts'
import { machine, presets } from '../../src/machine/index.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/topology')

afterEach(() => vi.restoreAllMocks())

/** Runs `machine …` and answers what it printed. */
async function run(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const printed = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      printed[stream] += String(text)
      return true
    })
  }
  await command
    .builder(yargs(args).strict().exitProcess(false), (handler) => async (parsed) => {
      await handler(parsed as Record<string, unknown>)
    })
    .fail((message, error) => {
      throw error ?? new Error(message)
    })
    .parseAsync()
  vi.restoreAllMocks()
  return printed
}

test('list', async () => {
  expect((await run('list')).stdout).toContain('skx-cl-2s, 2-socket')
  const document = JSON.parse((await run('list', '--json')).stdout)
  expect(document).toMatchObject({ schema: 'numareplay/machines/1' })
  expect(document.machines.map(({ name }: { name: string }) => name)).toEqual(presets().map(({ name }) => name))
})

test('show', async () => {
  expect((await run('show', '2-socket')).stdout).toContain('78.0  143.0')
  expect(JSON.parse((await run('show', '2-socket', '--json')).stdout)).toMatchObject({ schema: 'numareplay/machine/1', machine: machine('2-socket') })
  await expect(run('show', 'skx-cl-2z')).rejects.toThrow(/Did you mean skx-cl-2s/)
})

test('import writes a machine file that is read again, and repeats its warnings', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'machine-command-'))
  const output = join(folder, 'ring.json')
  const { stdout, stderr } = await run('import', join(FIXTURES, 'four-node-ring/numactl-H.txt.gz'), '-o', output)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^wrote .*ring\.json\nwarning: latency inferred from SLIT/)
  expect(machine(output).distance).toEqual(machine('qemu-4n-ring').distance)
  expect(readdirSync(folder)).toEqual(['ring.json'])
})

test('import without -o prints YAML', async () => {
  const { stdout } = await run('import', join(FIXTURES, 'two-node/sysfs.tar.gz'))
  expect(stdout).toContain('  - { id: 0, cpus: 0-1, memory: 514356KiB, kind: DRAM }\n')
})
