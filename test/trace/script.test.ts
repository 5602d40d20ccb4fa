import { describe, expect, it } from 'vitest'
import { parseScript } from '../../src/trace/index.ts'

const calls = (text: string) => parseScript(text, 'moves.txt').map(({ timeNs, call }) => ({ timeNs, ...call }))

describe('scripts of calls', () => {
  it('reads every call of the vocabulary, in order of time', () => {
    const text = `
      # an operator's evening
      2s  migrate_pages pid=1 from=0 to=1-2   # as migratepages(8)
      1s  cpuset name=job mems=0-1 cpus=0-3
      1s  attach cpuset=job pid=1
      0s  mbind pid=1 range=0x7f0000000000+64MiB mode=interleave nodes=0-1 flags=move,strict
      3s  move_pages pid=1 pages=0x7f0000001000,0x7f0000000000 nodes=1,0
      1500us set_mempolicy pid=1 tid=7 mode=preferred nodes=1
      4s  madvise pid=1 range=0x1000-0x3000 advice=dontneed
      4s  run_on pid=1 tid=7 cpu=3`
    expect(calls(text)).toEqual([
      {
        timeNs: 0,
        kind: 'mbind',
        pid: 1,
        range: { startBytes: 0x7f0000000000, bytes: 64 * 2 ** 20 },
        mode: 'interleave',
        nodes: [0, 1],
        flags: ['move', 'strict'],
      },
      { timeNs: 1.5e6, kind: 'set_mempolicy', pid: 1, tid: 7, mode: 'preferred', nodes: [1] },
      { timeNs: 1e9, kind: 'cpuset', name: 'job', mems: [0, 1], cpus: [0, 1, 2, 3] },
      { timeNs: 1e9, kind: 'attach', cpuset: 'job', pid: 1 },
      { timeNs: 2e9, kind: 'migrate_pages', pid: 1, from: [0], to: [1, 2] },
      { timeNs: 3e9, kind: 'move_pages', pid: 1, addresses: [0x7f0000001000, 0x7f0000000000], nodes: [1, 0] },
      { timeNs: 4e9, kind: 'madvise', pid: 1, range: { startBytes: 0x1000, bytes: 0x2000 }, advice: 'dontneed' },
      { timeNs: 4e9, kind: 'run_on', pid: 1, tid: 7, cpu: 3 },
    ])
  })

  it.each([
    ['\n2 migrate_pages', /^moves\.txt:2:1: time: not a time/],
    ['2s', /^moves\.txt:1:3: no call after the time/],
    ['2s migrate_page pid=1', /^moves\.txt:1:4: unknown call .*Did you mean migrate_pages\?/],
    ['2s migrate_pages pid=1 fron=0 to=1', /^moves\.txt:1:24: unknown argument of migrate_pages .*Did you mean from\?/],
    ['2s migrate_pages pid=1 to=1', /^moves\.txt:1:4: from= is missing/],
    ['2s migrate_pages pid=x from=0 to=1', /^moves\.txt:1:22: pid: not a whole number/],
    ['2s migrate_pages pid=1 pid=1', /^moves\.txt:1:24: pid given twice/],
    ['0s mbind pid=1 range=5 mode=bind', /^moves\.txt:1:22: range: not a range/],
    ['0s mbind pid=1 range=0x1000+0 mode=bind', /empty range/],
    ['0s mbind pid=1 range=0x1000+1MiB mode=interleaved', /Did you mean interleave\?/],
    ['0s move_pages pid=1 pages=0x1,0x2 nodes=1,2,3', /expected 1 or 2, got 3/],
    ['0s constructor pid=1', /unknown call/],
  ])('%j is refused with its place', (text, message) => {
    expect(() => parseScript(text, 'moves.txt')).toThrow(message)
  })
})
