import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type CaseFile, readCaseFile } from '../../src/conform/index.ts'
import { numareplay, ROOT, temporaryFolder } from './run.ts'

const folder = temporaryFolder()
const recorded = readCaseFile(join(ROOT, 'test/fixtures/kernel-oracle/a-migrate-pages.json.gz'))

/** A file of the first few cases, changed or not. */
function fileOf(name: string, change: (content: CaseFile) => void = () => {}): string {
  const content: CaseFile = { ...recorded, cases: structuredClone(recorded.cases.slice(0, 5)) }
  change(content)
  const file = join(folder, name)
  writeFileSync(file, JSON.stringify(content))
  return file
}

describe('numareplay conform', () => {
  it('says how many cases match, exit 0', () => {
    const file = fileOf('same.json')
    const { code, stdout, stderr } = numareplay(['conform', file])
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${file}: 5 of 5 exact cases match\n`, stderr: '' })
  })

  it('names the first difference, exit 3; --json under stable names', () => {
    const file = fileOf('changed.json', ({ cases }) => {
      const step = cases[0]!.steps.find(({ op }) => op === 'migrate_pages')!
      step.observed = { ret: 7 }
    })
    const { code, stdout } = numareplay(['conform', file, '--json'])
    expect(code).toBe(3)
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'numareplay/conform/1',
      version: expect.any(String),
      files: [{ file, cases: 5, matched: 4, differing: 1, statistical: { series: 0, within: 0 } }],
      differences: [{ case: recorded.cases[0]!.id, step: 7, field: 'ret', index: -1, expected: 7, got: 0 }],
    })
    expect(numareplay(['conform', file]).stdout).toContain(`${recorded.cases[0]!.id} step 7 ret: recorded 7, model 0`)
  })

  it('--predict prints a case file that conforms', () => {
    const { code, stdout } = numareplay(['conform', fileOf('source.json'), '--predict'])
    expect(code).toBe(0)
    const predicted = join(folder, 'predicted.json')
    writeFileSync(predicted, stdout)
    expect(numareplay(['conform', predicted]).stdout).toContain('5 of 5 exact cases match')
  })

  it('a file that is none: one message, exit 2', () => {
    const file = join(folder, 'none.json')
    writeFileSync(file, '[]')
    const { code, stdout, stderr } = numareplay(['conform', file])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('not a file of recorded kernel cases (expected kernel-oracle/1')
  })
})
