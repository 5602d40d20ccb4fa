/** Policies that misbehave take nobody with them. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore } from '../../src/sweep/index.ts'
import { contentOf, planFolder, run } from './helpers.ts'

const policy = (rules: string, before = ''): string => `
import { at, definePolicy } from 'numareplay/policy'
${before}
export default definePolicy({ about: 'misbehaves', rules: () => { ${rules} } })
`
const FILES = {
  'throws.ts': policy(`return [at('2s', () => { throw new Error('as designed') })]`),
  'throws-early.ts': policy(`throw new Error('no rules today')`),
  'never-returns.ts': policy(`return [at('2s', () => { for (;;); })]`),
  'exits.ts': policy(`return [at('2s', () => process.exit(0))]`),
  'hoards.ts': policy(`return [at('2s', () => { const all = []; for (;;) all.push({ more: [all.length] }) })]`),
}
const BAD = Object.keys(FILES)
const GOOD = ['first-touch', 'hot-page-daemon', 'interleave']

const plan = (policies: string[]) => `
traces: 'zipf:pages=500,accesses=20000'
machines: spr-2s
policies: [${policies.map((name) => (name.endsWith('.ts') ? `./${name}` : name)).join(', ')}]
seeds: [1, 2]
limits: { time: 6s, memory: 128MiB }
`

test('the failed point is recorded with its message, the rest goes on', async () => {
  const folder = planFolder(plan([...BAD, ...GOOD]), FILES)
  const { code, stdout, stderr } = await run(['sweep', 'plan.yaml', '-o', 'store', '--jobs', '2', '--json'], folder)
  expect(code, stderr).toBe(3)
  const { computed, failed } = JSON.parse(stdout) as { computed: number; failed: { kind: string; message: string; name: string }[] }
  expect(computed).toBe(GOOD.length * 2)
  const kinds = new Map(failed.map(({ name, kind, message }) => [name, `${kind}: ${message}`]))
  const said = (file: string, seed: number) => kinds.get(`zipf:pages=500,accesses=20000, spr-2s, ${file.replace('.ts', '')}, seed ${seed}`)
  for (const seed of [1, 2]) {
    expect(said('throws.ts', seed)).toBe('error: as designed')
    expect(said('throws-early.ts', seed)).toBe('error: no rules today')
    expect(said('never-returns.ts', seed)).toMatch(/^time: not finished after 6s/)
    expect(said('exits.ts', seed)).toMatch(/^error: .*process\.exit/)
    expect(said('hoards.ts', seed)).toMatch(/^(memory: needs more memory than 128MiB|time:)/)
  }
  const good = planFolder(plan(GOOD))
  await run(['sweep', 'plan.yaml', '-o', 'store'], good)
  const points = (store: string) => contentOf(join(store, 'store/points'))
  expect(points(folder)).toEqual(points(good))

  const status = JSON.parse((await run(['sweep', 'status', 'store', '--json'], folder)).stdout) as { plans: { failed: unknown[]; done: number }[] }
  expect(status.plans[0]!.failed).toHaveLength(BAD.length * 2)
  const [scenario] = openStore(join(folder, 'store')).scenarios()
  expect((await openStore(join(folder, 'store')).run(scenario!))!.record.warnings.join()).toMatch(/5 of 8 points .* missing or failed/)
}, 120_000)

test('a failure is gone once its cause is', async () => {
  const folder = planFolder(plan(['throws.ts', 'first-touch']), FILES)
  expect((await run(['sweep', 'plan.yaml', '-o', 'store'], folder)).code).toBe(3)
  expect(readdirSync(join(folder, 'store/failures'))).toHaveLength(2)
  const again = await run(['sweep', 'plan.yaml', '-o', 'store', '--resume', '--json'], folder)
  expect(JSON.parse(again.stdout)).toMatchObject({ found: 2, computed: 0 })
  expect(again.code).toBe(3)
})
