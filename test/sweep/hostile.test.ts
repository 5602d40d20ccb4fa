/** A sweep over names that want to be markup, commands or paths: they stay names in the store, the tables, the page and the batch script. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parquetToTable } from '../../src/results/index.ts'
import { contentOf, planFolder, run } from './helpers.ts'

const NAMES = [
  '$(touch owned).csv',
  '<img src=x onerror=alert(1)>.csv',
  "a'b;c|d.csv",
  '-rf.csv',
  '</script><script>alert(2)</script>x.csv'.replaceAll('/', '∕'),
]
/** Different content each: equal traces would be one. */
const trace = (salt: number) =>
  `time_ns,pid,tid,cpu,op,addr,size\n${Array.from({ length: 400 + salt }, (_, i) => `${i * 1000},1,${1 + (i % 2)},${i % 2},R,0x${(0x10000 + (i % 32) * 4096).toString(16)},8`).join('\n')}\n`
const PLAN = `
about: '</script><script>alert(3)</script>'
traces: '*.csv'
machines: [2-socket, { machine: 2-socket, name: 'a/../../../b', memory: ['0=64MiB'] }]
policies: [first-touch, { policy: interleave, name: 'x/../../y' }]
`

test('hostile names stay names from the plan to the page', async () => {
  const outer = planFolder('unused: true\n')
  const folder = join(outer, 'in', "sto're; touch owned")
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'plan.yaml'), PLAN)
  for (const [i, name] of NAMES.entries()) writeFileSync(join(folder, name), trace(i))
  const before = contentOf(outer, (path) => path.includes('/store') || path.includes('/set') || path.includes('/out'))

  const swept = await run(['sweep', 'plan.yaml', '-o', 'store', '--json', '--gather', 'set'], folder)
  expect(swept.code, swept.stderr).toBe(0)
  expect(JSON.parse(swept.stdout)).toMatchObject({ failed: [], interrupted: false })
  // every file of the store is named by a digest or by us
  for (const path of Object.keys(contentOf(join(folder, 'store'))))
    expect(path).toMatch(/^(store\.json|plans\/plan\.json|points\/[0-9a-f]{2}\/[0-9a-f]{64}\.jsonl\.zst|traces\/[\w/]+\.(nrt|json))$/)
  const points = await parquetToTable(readFileSync(join(folder, 'set/points.parquet')))
  expect([...new Set(points.column('trace'))].sort()).toEqual([...NAMES].sort())

  const drawn = await run(['report', 'store', '--html', 'out/page.html', '--svg', 'out/svg', '--csv', 'out/csv'], folder)
  expect(drawn.code, drawn.stderr).toBe(0)
  const page = readFileSync(join(folder, 'out/page.html'), 'utf8')
  expect(page.match(/<script\b/g)).toHaveLength(2)
  expect(page).not.toMatch(/<img/)
  expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;.csv')
  for (const file of readdirSync(join(folder, 'out/svg'))) {
    expect(file).toMatch(/^[\w.-]+$/)
    expect(readFileSync(join(folder, 'out/svg', file), 'utf8')).not.toMatch(/<(img|script)/)
  }
  const inTerminal = await run(['report', 'store'], folder)
  expect(inTerminal.code).toBe(0)
  // nothing was run, and nothing appeared anywhere else
  expect(existsSync(join(folder, 'owned')) || existsSync(join(outer, 'in/owned'))).toBe(false)
  expect(contentOf(outer, (path) => path.includes('/store') || path.includes('/set') || path.includes('/out'))).toEqual(before)
}, 120_000)
