import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type CaseFile, conform, predict, readCaseFile } from '../../src/conform/index.ts'

const folder = join(import.meta.dirname, '../fixtures/kernel-oracle')
const read = (name: string): CaseFile => readCaseFile(join(folder, `${name}.json.gz`))

// cases of class exact, and cases of which some result varied between recordings
const FILES = [
  { name: 'a-migrate-pages', exact: 260, varying: 20 },
  { name: 'b-move-pages', exact: 244, varying: 6 },
  { name: 'c-mempolicy', exact: 349, varying: 55 },
  { name: 'd-cpuset', exact: 303, varying: 8 },
  { name: 'e-thp', exact: 71, varying: 13 },
  { name: 'h-workloads', exact: 37, varying: 0 },
]

describe('recorded kernels', () => {
  for (const { name, exact, varying } of FILES) {
    it(`${name}: every exact case matches in full`, () => {
      const { files, differences, outside } = conform([{ name, content: read(name) }])
      expect(differences).toEqual([])
      expect(files[0]).toMatchObject({ cases: exact, matched: exact, differing: 0, statistical: { series: varying } })
      expect(outside).toEqual([])
    })
  }
})

describe('prediction', () => {
  const content = read('b-move-pages')

  it('does not depend on what was observed in the phases op and after', () => {
    const blanked: CaseFile = structuredClone(content)
    for (const recorded of blanked.cases) {
      for (const step of recorded.steps) if (step.phase !== 'setup' && step.phase !== 'before') step.observed = { ret: -1, errno: 'ENOSYS', status: [[7, 1]] }
    }
    expect(predict(blanked).cases.map(({ steps }) => steps)).toEqual(predict({ ...content }).cases.map(({ steps }) => steps))
  })

  it('is a case file that the comparison accepts', () => {
    const { files } = conform([{ name: 'predicted', content: predict(content) }])
    expect(files[0]).toMatchObject({ differing: 0, statistical: { within: 6 } })
  })

  it('reports a changed result: case, step, field, page', () => {
    const changed: CaseFile = { ...content, cases: structuredClone(content.cases.filter(({ group }) => group === 'basic').slice(0, 1)) }
    const step = changed.cases[0]!.steps.find(({ op, phase }) => op === 'snap' && phase === 'after')!
    const region = Object.keys(step.observed.procs!['p0']!.regions)[0]!
    step.observed.procs!['p0']!.regions[region]!.nodes[0] = [5, step.observed.procs!['p0']!.regions[region]!.nodes[0]![1]]
    const { files, differences } = conform([{ name: 'changed', content: changed }])
    expect(files[0]).toMatchObject({ cases: 1, matched: 0, differing: 1 })
    expect(differences[0]).toMatchObject({ case: changed.cases[0]!.id, step: step.n, field: `procs.p0.regions.${region}.nodes`, index: 0, expected: 5 })
  })

  it('counts an operation that the model does not know as a failure', () => {
    const unknown: CaseFile = { ...content, cases: structuredClone(content.cases.slice(0, 1)) }
    unknown.cases[0]!.steps[3]!.op = 'teleport'
    const { differences } = conform([{ name: 'unknown', content: unknown }])
    expect(differences).toMatchObject([{ field: 'teleport', got: 'unknown operation teleport' }])
  })
})

describe('case files that are none', () => {
  const write = (text: string): string => {
    const file = join(mkdtempSync(join(tmpdir(), 'conform-')), 'case.json')
    writeFileSync(file, text)
    return file
  }

  it('say what is wrong and where', () => {
    expect(() => readCaseFile('/no/such/file.json')).toThrow('/no/such/file.json: cannot read the case file')
    expect(() => readCaseFile(write('{"a":'))).toThrow('not JSON')
    expect(() => readCaseFile(write('{"schema":"other/1"}'))).toThrow('schema: not a file of recorded kernel cases (expected kernel-oracle/1, got other/1)')
    const strange = { schema: 'kernel-oracle/1', machines: {}, cases: [{ id: 'X-1', machine: 'n2', steps: [] }] }
    expect(() => readCaseFile(write(JSON.stringify(strange)))).toThrow('cases.X-1.machine: unknown machine')
  })
})
