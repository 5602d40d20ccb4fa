/** Loaded latency against figures worked out by hand and against measured curves. */
import { describe, expect, test } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { Contention, type EpochTraffic } from '../../src/replay/contention.ts'

const box = machine('skx-cl-2s')
const model = { curve: box.load!, bytesPerAccess: 64, pageSize: 4096 }
const SECOND = 1e9

/** Reads per second that ask for so many GB/s, by [accessing node, memory node]. */
function traffic(gigabytes: { reads?: number[]; writes?: number[]; copied?: number[] }): EpochTraffic {
  const accesses = (list?: number[]) => Float64Array.from(list ?? [0, 0, 0, 0], (gb) => Math.round((gb * 1e9) / 64))
  return {
    reads: accesses(gigabytes.reads),
    writes: accesses(gigabytes.writes),
    copiedPages: Float64Array.from(gigabytes.copied ?? [0, 0, 0, 0], (gb) => Math.round((gb * 1e9) / 4096)),
  }
}

function solved(gigabytes: Parameters<typeof traffic>[0], lengthNs = SECOND): Contention {
  const contention = new Contention(box, model)
  contention.solve(traffic(gigabytes), lengthNs)
  return contention
}

describe('queueing', () => {
  test('an idle machine adds nothing', () => {
    const { readQueuePs, dilation } = solved({})
    expect([...readQueuePs]).toEqual([0, 0, 0, 0])
    expect(dilation).toBe(1)
  })

  test('a controller at half its capacity: a L0 u/(1-u) with u = 0.5/1.08', () => {
    const u = 0.5 / 1.08
    expect(solved({ reads: [113.1 / 2, 0, 0, 0] }).readQueuePs[0]).toBeCloseTo((0.2 * 78_000 * u) / (1 - u), -1)
  })

  test('the curve of the machine it was fitted to (Cascade Lake: 1.11 1.24 1.50 2.05 at a quarter, half, three quarters, 90 %)', () => {
    const measured = [1.11, 1.24, 1.5, 2.05]
    const ours = [0.25, 0.5, 0.75, 0.9].map((share) => 1 + solved({ reads: [113.1 * share, 0, 0, 0] }).readQueuePs[0]! / 78_000)
    ours.forEach((value, i) => {
      expect(Math.abs(value / measured[i]! - 1)).toBeLessThan(0.1)
    })
  })

  test('remote traffic waits at the link and at the far controller, local traffic at the controller only', () => {
    const { readQueuePs } = solved({ reads: [0, 40, 0, 40] })
    const remote = readQueuePs[1]!
    const local = readQueuePs[3]!
    expect(remote).toBeGreaterThan(local)
    expect(local).toBeGreaterThan(0)
    expect(readQueuePs[0]).toBe(0)
  })

  test('a link is busy in one direction only', () => {
    const { readQueuePs } = solved({ reads: [0, 40, 0, 0] })
    const far = solved({ reads: [0, 0, 0, 40] }).readQueuePs[3]!
    // node 1 reading from node 0 meets an idle controller and an idle link
    expect(readQueuePs[2]).toBe(0)
    expect(readQueuePs[1]! - far).toBeGreaterThan(0)
  })

  test('stores move a line twice and lower the capacity of the controller', () => {
    const reads = solved({ reads: [40, 0, 0, 0] })
    const writes = solved({ writes: [20, 0, 0, 0] })
    expect(writes.bytesOf(0)).toBe(reads.bytesOf(0))
    expect(writes.utilisationOf(0)).toBeCloseTo(reads.utilisationOf(0) / (1 - 0.25 / 2), 6)
    // a store is charged half a read's latency, so half its queueing
    expect(writes.writeQueuePs[0]).toBeCloseTo(writes.readQueuePs[0]! / 2, -1)
  })

  test('copying pages reads at the source, writes at the target and crosses the link', () => {
    const contention = solved({ copied: [0, 30, 0, 0] })
    expect(contention.bytesOf(0)).toBeCloseTo(30e9, -4)
    expect(contention.bytesOf(1)).toBeCloseTo(30e9, -4)
    expect(contention.linkUtilisation(1, 0)).toBeCloseTo(30 / 50.9, 3)
    expect(contention.linkUtilisation(0, 1)).toBe(0)
  })
})

describe('more demand than the memory carries', () => {
  test('the epoch is stretched until the controller carries its capacity, at its plateau', () => {
    const { dilation, readQueuePs } = solved({ reads: [226.2, 0, 0, 0] })
    expect(dilation).toBeCloseTo(2, 6)
    expect(readQueuePs[0]).toBe(Math.round(2.3 * 78_000))
  })

  test('others see the slower demand', () => {
    const { readQueuePs } = solved({ reads: [226.2, 0, 0, 50] })
    expect(readQueuePs[3]).toBe(solved({ reads: [0, 0, 0, 25] }).readQueuePs[3])
  })

  test('one controller for two sockets of readers is half the bandwidth of two controllers, one link 2.2 times less', () => {
    const wanted = 226.3
    const spread = solved({ reads: [113.1, 0, 0, 113.2] }).dilation
    const oneController = solved({ reads: [wanted * 0.75, 0, wanted * 0.25, 0] }).dilation
    const oneLink = solved({ reads: [0, 0, 113.1, 0] }).dilation
    expect(spread).toBe(1)
    expect(oneController / spread).toBeCloseTo(2.0, 1)
    expect(oneLink).toBeCloseTo(113.1 / 50.9, 2)
  })

  test('latency never falls below idle and never exceeds the plateau', () => {
    for (let gb = 0; gb <= 400; gb += 7) {
      const queue = solved({ reads: [gb, gb / 2, 0, 0] }).readQueuePs
      expect(queue[0]).toBeGreaterThanOrEqual(0)
      expect(queue[0]).toBeLessThanOrEqual(2.3 * 78_000)
      expect(queue[1]).toBeLessThanOrEqual(Math.round(2.3 * (78_000 + 65_000)))
    }
  })
})
