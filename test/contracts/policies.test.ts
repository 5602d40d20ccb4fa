/**
 * What every file in policies/ promises, on every bundled recording: on a machine with room for all, and on one whose fast
 * tier holds half of the pages. (test/twin checks random traces against the per-access simulator.)
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Machine, machine, withMemory } from '../../src/machine/index.ts'
import { kebabCase, loadPolicy, type Param, parsePolicySpec, rulesOf, type World } from '../../src/policy/index.ts'
import { listPolicies } from '../../src/policy/load.ts'
import { boundOf, boundWithCopies } from '../../src/replay/bound.ts'
import { replayLanes } from '../../src/replay/pass.ts'
import { planReplay } from '../../src/replay/plan.ts'
import { worldOf } from '../../src/replay/world.ts'
import { openTrace, type PreparedTrace, traceFromAccesses } from '../../src/trace/index.ts'

const DOCS = readFileSync(join(import.meta.dirname, '../../docs/policies.md'), 'utf8')
const SAMPLES = join(import.meta.dirname, '../../traces/samples')
const samples = readdirSync(SAMPLES).filter((name) => /\.(csv|lackey)\.gz$/.test(name) && !name.includes('.residency.'))

/** Parameters without which a policy does nothing in a recording of milliseconds. */
const GIVEN: Record<string, string> = {
  carrefour: 'min-rate=0,least-replicas=1,sample-period=20',
  hemem: 'sample-period=20',
  memtis: 'sample-period=20,write-period=20,adapt-after=1000,cool-after=20000',
}
async function lanes({ processes: [pid] }: PreparedTrace) {
  const given: Record<string, string> = { ...GIVEN, manual: `calls=1us migrate_pages pid=${pid} from=0 to=1` }
  const specs = [...listPolicies().map((name) => (given[name] ? `${name}:${given[name]}` : name)), 'numa-balancing:mode=3+demotion:tiering=on']
  return (await Promise.all(specs.map(parsePolicySpec))).flat()
}

function crowded({ meta }: PreparedTrace): Machine {
  const size = (pages: number) => `${Math.max(64, Math.ceil(pages)) * 4}KiB`
  return withMemory(machine('2s-plus-cxl'), `0=${size(meta.pages / 4)},1=${size(meta.pages / 4)},2=${size(meta.pages * 4)}`)
}

describe.each(samples)('%s', (sample) => {
  const trace = openTrace(join(SAMPLES, sample))
  test.each([
    ['room for all', async () => machine('2-socket')],
    ['half of it slow', async () => crowded(await trace)],
  ])(
    '%s',
    async (_, box) => {
      const policies = await lanes(await trace)
      const { context } = planReplay(await trace, await box(), policies, { seed: 1, cpus: 'auto' })
      const bound = boundOf(context).ps
      const withCopies = boundWithCopies(context).ps
      expect(withCopies).toBeLessThanOrEqual(bound)
      const { meta, events } = context.trace
      const isFreed = events.some(({ kind }) => kind === 'munmap' || kind === 'exit' || kind === 'madvise')
      const results = replayLanes(context, policies)
      for (const { label, status, message, totals, vmstat, pagesPerNode, copiesMade, copiesPerNode, rows } of results) {
        // bind may run out of its one node; nothing else may end early
        if (status === 'oom' && label === 'bind') continue
        expect(`${label} ${status} ${message}`).toBe(`${label} ok `)
        const cost = totals.memoryPs + totals.migrationPs + totals.hintFaultPs + totals.observationPs
        for (const [name, value] of Object.entries(totals)) if (typeof value === 'number') expect(value, `${label} ${name}`).toSatisfy(Number.isSafeInteger)
        expect(cost, `${label} beats the bound`).toBeGreaterThanOrEqual(copiesMade > 0 ? withCopies : bound)
        expect(totals.local + totals.remote, label).toBe(meta.accesses)
        const resident = pagesPerNode.reduce((sum, pages, node) => sum + pages - copiesPerNode[node]!, 0)
        if (!isFreed) expect(resident, label).toBe(meta.pages)
        pagesPerNode.forEach((pages, node) => {
          expect(pages, label).toBeGreaterThanOrEqual(0)
          expect(pages * meta.pageSize, label).toBeLessThanOrEqual(context.machine.nodes[node]!.bytes)
        })
        expect(vmstat['pgmigrate_success'] ?? 0, label).toBe(totals.migrated)
        // pages that a call refused never reached the migration engine
        const refused = rows.failures.reduce((sum, { stage, pages }) => sum + (stage === 'refused' ? (pages as number) : 0), 0)
        expect(vmstat['pgmigrate_fail'] ?? 0, label).toBe(totals.failed - refused)
        expect(vmstat['numa_hint_faults'] ?? 0, label).toBe(totals.hintFaults)
        expect(vmstat['numa_hint_faults'] ?? 0, label).toBeLessThanOrEqual(vmstat['numa_pte_updates'] ?? 0)
        expect(vmstat['numa_hint_faults_local'] ?? 0, label).toBeLessThanOrEqual(totals.hintFaults)
        expect(vmstat['numa_pages_migrated'] ?? 0, label).toBeLessThanOrEqual(totals.migrated)
        expect(
          rows.moves.reduce((sum, { pages }) => sum + (pages as number), 0),
          label,
        ).toBe(totals.migrated)
      }
      expect(replayLanes(context, policies)).toEqual(results)
    },
    120_000,
  )
})

describe.each(listPolicies())('%s', (name) => {
  test('says what it is, where it comes from, and what each parameter means', async () => {
    const { definition } = await loadPolicy(name)
    expect(definition.about.length).toBeGreaterThan(20)
    expect(definition.paper?.length).toBeGreaterThan(10)
    for (const [param, { about, example, parse, format, default: value }] of Object.entries((definition.params ?? {}) as Record<string, Param<unknown>>)) {
      expect(about, param).not.toBe('')
      expect(parse(example, param)).toEqual(value)
      expect(parse(format(value), param)).toEqual(value)
    }
  })

  test('is in docs/policies.md with its parameters', async () => {
    const { definition } = await loadPolicy(name)
    const row = DOCS.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))
    expect(row).toBeDefined()
    expect(row).toContain(definition.about.replaceAll('|', '\\|'))
    for (const [param, { example }] of Object.entries((definition.params ?? {}) as Record<string, Param<unknown>>)) {
      expect(row).toContain(`\`${kebabCase(param)}=${example}\``)
    }
  })

  test('reads every parameter it declares', async () => {
    const [policy] = await parsePolicySpec(name)
    const { definition, values } = policy!.members[0]!
    const read = new Set<string | symbol>()
    const watched = new Proxy(values, {
      get: (target, key) => {
        read.add(key)
        return target[key as string]
      },
    })
    rulesOf({ ...policy!, members: [{ definition, values: watched }] }, anyWorld())
    expect([...read].sort()).toEqual(Object.keys(definition.params ?? {}).sort())
  })
})

function anyWorld(): World {
  const { context } = planReplay(
    traceFromAccesses([{ t: 0, page: 1 }]),
    machine('2s-plus-cxl'),
    [{ name: '', label: '', params: {}, about: '', members: [], digests: [] }],
    {
      seed: 1,
      cpus: 'auto',
    },
  )
  const kernel = { machine: context.machine, placement: new Uint8Array(1) } as never
  return worldOf(context, kernel, { migrateCall: () => {}, refused: () => {}, load: () => ({ latencyNs: 0, accesses: 0, utilisation: 0 }) }, '', () => 0).world
}
