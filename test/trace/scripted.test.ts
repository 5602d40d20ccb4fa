import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openTrace } from '../../src/trace/index.ts'
import { listTicks } from './naive-fold.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'numareplay-script-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

it('scripted calls cut ticks and lie between the accesses around them', async () => {
  const trace = join(folder, 'x.csv')
  const script = join(folder, 'moves.txt')
  writeFileSync(trace, `time_ns,pid,tid,cpu,op,addr\n${[100, 150, 250, 330].map((t) => `${t},7,7,0,R,0x1000`).join('\n')}\n`)
  writeFileSync(
    script,
    `150ns migrate_pages pid=7 from=0 to=1
     55ns  cpuset name=job mems=0 cpus=0-1
     55ns  attach cpuset=job pid=7
     60ns  cpuset name=job mems=1
     70ns  mbind pid=7 range=0x1000+8KiB mode=bind nodes=1 flags=move
     9s    migrate_pages pid=7 from=1 to=0`,
  )
  const { events, tickStartNs, meta, ...rest } = await openTrace(trace, { events: script, tickNs: 100 })
  expect(events).toEqual([
    { timeNs: 155, kind: 'cpuset_create', group: 'job', cpus: [0, 1], mems: [0] },
    { timeNs: 155, kind: 'cpuset_attach', group: 'job', process: 0 },
    { timeNs: 160, kind: 'cpuset_change', group: 'job', mems: [1] },
    { timeNs: 170, kind: 'mbind', process: 0, startVpage: 1, pages: 2, mode: 'bind', nodes: [1], flags: ['move'] },
    { timeNs: 250, kind: 'migrate_pages', process: 0, from: [0], to: [1] },
  ])
  expect([...tickStartNs]).toEqual([100, 155, 160, 170, 200, 250, 300, 400])
  const counts = listTicks({ ...rest, events, tickStartNs, meta }).map(({ pairs }) => pairs.reduce((sum, pair) => sum + pair[2], 0))
  expect(counts).toEqual([2, 0, 0, 0, 0, 1, 1])
  expect(meta.lint.map(({ code }) => code)).toEqual(['events-after-end'])
})
