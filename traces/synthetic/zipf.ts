/** A key-value store: some pages are very hot, each page is used mostly by one task, and one task loaded the data. */
import { defineWorkload, READ, Region, TURN, WRITE, workloadParam, Zipf } from '../../src/trace/index.ts'

const { count, duration, flag, number, share } = workloadParam
const PAGE = 4096
const PID = 1000

export default defineWorkload({
  about: 'Zipf-distributed pages, each used mostly by one task; loaded by the first task',
  params: {
    pages: count(10_000, 'distinct pages'),
    accesses: count(1_000_000, 'accesses after loading'),
    duration: duration('10s', 'time from first to last'),
    tasks: count(8, 'tasks, one per cpu'),
    skew: number(0.99, 'exponent of the distribution; 0.99 is YCSB'),
    writes: share(0.3, 'share of writes'),
    affinity: share(0.8, 'share of accesses to a page by the task it belongs to'),
    load: flag('on', 'the first task writes every page once before'),
  },

  *generate({ pages, accesses, duration: durationNs, tasks: taskCount, skew, writes, affinity, load }, trace, random) {
    const memory = new Region(trace)
    const tasks = Array.from({ length: taskCount }, (_, i) => trace.task(PID, PID + 1 + i))
    const zipf = new Zipf(pages, skew)
    const stride = coprime(pages)
    const loading = load ? pages : 0
    const stepNs = durationNs / (loading + accesses)
    for (let page = 0; page < loading; page++) memory.access(Math.floor(page * stepNs), tasks[0]!, 0, page * PAGE, 64, WRITE)
    yield loading / (loading + accesses)
    for (let i = 0; i < accesses; i++) {
      // hot pages lie scattered, as keys do
      const page = (zipf.draw(random) * stride) % pages
      const who = random.float() < affinity ? page % taskCount : random.below(taskCount)
      const offset = page * PAGE + 64 * random.below(64)
      memory.access(Math.floor((loading + i) * stepNs), tasks[who]!, who, offset, 64, random.float() < writes ? WRITE : READ)
      if (i % TURN === 0) yield (loading + i) / (loading + accesses)
    }
  },
})

/** A step near the golden section that visits every page. */
function coprime(pages: number): number {
  let step = Math.floor(pages * 0.618) + 1
  while (gcd(step, pages) !== 1) step++
  return step
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
