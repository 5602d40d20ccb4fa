/** Pairs of tasks on different nodes share rings: one writes a slot, the other reads it a little later. */
import { defineWorkload, READ, Region, TURN, WRITE, workloadParam } from '../../src/trace/index.ts'

const { count, duration, share, size } = workloadParam
const LINE = 64
const PID = 1000

export default defineWorkload({
  about: 'Producer and consumer on different nodes share rings of memory, and work on private memory between',
  params: {
    ring: size('256KiB', 'ring of each pair'),
    private: size('1MiB', 'private memory of each task'),
    items: count(100_000, 'lines passed on by each pair'),
    pairs: count(4, 'pairs; producers on the first cpus, consumers on the others'),
    work: share(0.5, 'share of accesses to private memory'),
    lag: share(0.25, 'how far the consumer is behind, as a share of the ring'),
    duration: duration('10s', 'time from first to last'),
  },

  *generate({ ring, private: privateBytes, items, pairs, work, lag, duration: durationNs }, trace, random) {
    const slots = Math.max(1, Math.floor(ring / LINE))
    const lines = Math.max(1, Math.floor(privateBytes / LINE))
    const behind = Math.floor(slots * lag)
    const tasks = Array.from({ length: 2 * pairs }, (_, i) => trace.task(PID, PID + 1 + i))
    const rings = Array.from({ length: pairs }, (_, i) => new Region(trace, i))
    const own = Array.from({ length: 2 * pairs }, (_, i) => new Region(trace, pairs + i))
    // an item is written once and read once; between, each side does its share of private work
    const workPerAccess = work >= 1 ? 0 : work / (1 - work)
    const rounds = items + behind
    const stepNs = durationNs / rounds
    for (let round = 0; round < rounds; round++) {
      const timeNs = Math.floor(round * stepNs)
      for (let pair = 0; pair < pairs; pair++) {
        const sides = [
          { who: pair, item: round, isActive: round < items, kind: WRITE },
          { who: pairs + pair, item: round - behind, isActive: round >= behind, kind: READ },
        ] as const
        for (const { who, item, isActive, kind } of sides) {
          if (!isActive) continue
          const times = Math.floor(workPerAccess) + (random.float() < workPerAccess % 1 ? 1 : 0)
          for (let n = 0; n < times; n++) own[who]!.access(timeNs, tasks[who]!, who, random.below(lines) * LINE, LINE, random.below(2) === 0 ? READ : WRITE)
          rings[pair]!.access(timeNs, tasks[who]!, who, (item % slots) * LINE, LINE, kind)
        }
      }
      if (round % (TURN / 16) === 0) yield round / rounds
    }
  },
})
