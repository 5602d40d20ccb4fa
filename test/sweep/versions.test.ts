/** What another version of the engine left: refused with a word on what to do, or recomputed, never mixed in. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { statusOf, workOn } from '../../src/sweep/index.ts'
import { Store } from '../../src/sweep/store.ts'
import { contentOf, planFolder, run } from './helpers.ts'

test('a store of another engine or version', async () => {
  const folder = planFolder("traces: 'zipf:pages=50,accesses=2000'\npolicies: [first-touch, interleave]\n")
  const sweep = async () => JSON.parse((await run(['sweep', 'plan.yaml', '-o', 'store', '--json'], folder)).stdout) as object
  expect(await sweep()).toMatchObject({ computed: 2, found: 0 })
  const store = join(folder, 'store')
  const planFile = join(store, 'plans/plan.json')
  const plan = readFileSync(planFile, 'utf8')
  const before = contentOf(store)

  // tasks of a job array do not work under keys that another engine made
  writeFileSync(planFile, plan.replace(/"engine": "[^"]+"/, '"engine": "0.0.9+0123456789ab"'))
  await expect(workOn(store, undefined, {})).rejects.toThrow(/plan plan was made for another engine.*0\.0\.9\+0123456789ab.*sweep PLAN\.yaml -o STORE again/s)

  // its points have other keys: they are computed anew, the old ones are told of
  for (const part of readdirSync(join(store, 'points'))) {
    for (const file of readdirSync(join(store, 'points', part)))
      writeFileSync(join(store, 'points', part, `${'0'.repeat(64 - 2)}${part}.jsonl.zst`), readFileSync(join(store, 'points', part, file)))
  }
  expect(await sweep()).toMatchObject({ computed: 0, found: 2 })
  expect(statusOf(store)).toMatchObject({ plans: [{ done: 2, missing: 0 }] })
  expect(statusOf(store).unused).toBeGreaterThan(0)
  expect(contentOf(store)).toMatchObject(before)

  writeFileSync(planFile, plan.replace('sweep-plan/1', 'sweep-plan/9'))
  expect(() => statusOf(store)).toThrow(/a plan of another version.*expected numareplay\/sweep-plan\/1/)
  writeFileSync(planFile, plan)
  writeFileSync(join(store, 'store.json'), '{"schema":"numareplay/store/9"}\n')
  expect(() => Store.open(store)).toThrow(/a store of another version.*expected numareplay\/store\/1.*store\/9/)
}, 120_000)
