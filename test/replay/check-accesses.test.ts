/** Lanes whose pages stay count the same from the fold and access by access, on random recordings, with both kinds of kernels. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { checkAccesses, planOf } from '../../src/replay/index.ts'
import { importTrace, KeptAccesses, openTrace } from '../../src/trace/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'numareplay-check-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function checked(recording: string, policies: string[]) {
  const file = join(folder, 'kept.nrt')
  await importTrace(recording, file, { keepAccesses: true })
  const trace = await openTrace(file)
  const { context, lanes } = await planOf({ trace, machine: machine('opteron-8node'), policies, heat: false })
  return { trace, lanes: lanes.map((policy) => checkAccesses(context, policy, KeptAccesses.of(trace)!)) }
}

it('random recordings, weighted and modifying accesses among them', async () => {
  const access = fc.record({ cpu: fc.nat(15), page: fc.nat(30), op: fc.constantFrom('R', 'W', 'M'), weight: fc.constantFrom(1, 1, 5) })
  await fc.assert(
    fc.asyncProperty(fc.array(access, { minLength: 1, maxLength: 80 }), fc.boolean(), async (list, isPlain) => {
      const rows = list.map(({ cpu, page, op, weight }, i) =>
        isPlain
          ? `${i},1,${cpu},${cpu},${op === 'M' ? 'R' : op},0x${page.toString(16)}000,1`
          : `${i},1,${cpu},${cpu},${op},0x${page.toString(16)}000,${weight}`,
      )
      writeFileSync(join(folder, 'rec.csv'), ['time_ns,pid,tid,cpu,op,addr,weight', ...rows].join('\n'))
      const { trace, lanes } = await checked(join(folder, 'rec.csv'), ['first-touch', 'interleave'])
      for (const { verdict, folded, counted } of lanes) {
        expect(verdict).toBe('same')
        expect(counted).toEqual(folded)
        expect(counted.reduce((sum, count) => sum + count, 0)).toBe(trace.meta.accesses)
      }
    }),
    { numRuns: 20 },
  )
})

it('more than one block, and policies that move pages are left out', async () => {
  const { lanes } = await checked('zipf:accesses=140000,pages=3000', ['first-touch', 'hot-page-daemon'])
  expect(lanes.map(({ verdict }) => verdict)).toEqual(['same', 'not static'])
})
