/**
 * A program with locality: bursts that walk through the arrays of their cpu, and between them short runs on hot pages. Which
 * cpu uses which arrays and hot pages rotates in phases. Without hot runs (`hot=0`) a stream; fast enough for billions.
 */
import { defineWorkload, READ, Region, TURN, WRITE, workloadParam, Zipf } from '../../src/trace/index.ts'

const { count, duration, number, share } = workloadParam
const PAGE = 4096
const LINE = 64
const LINES = PAGE / LINE
const PID = 1000
const LONGEST_WALK = 32
const LONGEST_RUN = 8

export default defineWorkload({
  about: 'Bursts that walk through arrays, and short runs on Zipf-distributed hot pages; who uses what rotates in phases',
  params: {
    pages: count(100_000, 'distinct pages'),
    accesses: count(1_000_000, 'accesses in all'),
    duration: duration('10s', 'time from first to last'),
    tasks: count(16, 'tasks, one per cpu'),
    hot: share(0.5, 'share of bursts that are runs on hot pages'),
    skew: number(0.99, 'exponent of the distribution of hot pages'),
    writes: share(0.3, 'share of writes'),
    affinity: share(0.6, 'share of runs on a hot page by the task it belongs to'),
    phases: count(64, 'rotations'),
  },

  *generate({ pages, accesses, duration: durationNs, tasks: taskCount, hot, skew, writes, affinity, phases }, trace, random) {
    const memory = new Region(trace)
    const tasks = Uint16Array.from({ length: taskCount }, (_, i) => trace.task(PID, PID + 1 + i))
    const zipf = new Zipf(pages, skew)
    const scatter = scattered(pages)
    const slice = Math.max(1, Math.floor(pages / taskCount))
    const walked = new Float64Array(taskCount)
    const stepNs = durationNs / accesses
    const [isHot, isWrite, isOwn] = [hot, writes, affinity].map((part) => part * 2 ** 32)
    for (let i = 0, turn = TURN; i < accesses; ) {
      const phase = Math.floor((i * phases) / accesses)
      let who = random.below(taskCount)
      if (random.u32() < isHot!) {
        const page = scatter(zipf.draw(random))
        if (random.u32() < isOwn!) who = (page + phase) % taskCount
        const last = Math.min(accesses, i + 1 + random.below(LONGEST_RUN))
        for (; i < last; i++) {
          const bits = random.u32()
          memory.access(Math.floor(i * stepNs), tasks[who]!, who, page * PAGE + LINE * (bits % LINES), LINE, random.u32() < isWrite! ? WRITE : READ)
        }
      } else {
        const kind = random.u32() < isWrite! ? WRITE : READ
        const array = ((who + phase) % taskCount) * slice
        const last = Math.min(accesses, i + 1 + random.below(LONGEST_WALK))
        for (; i < last; i++) {
          const line = walked[who]!++
          memory.access(Math.floor(i * stepNs), tasks[who]!, who, (array + (Math.floor(line / LINES) % slice)) * PAGE + LINE * (line % LINES), LINE, kind)
        }
      }
      if (i >= turn) {
        turn = i + TURN
        yield i / accesses
      }
    }
  },
})

/** Ranks to pages all over the memory, each once: steps near the golden section. */
function scattered(pages: number): (rank: number) => number {
  let step = Math.floor(pages * 0.618) + 1
  while (gcd(step, pages) !== 1) step++
  return (rank) => (rank * step) % pages
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
