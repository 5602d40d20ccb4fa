/** STREAM triad (McCalpin): a = b + s·c on three arrays, each task on its own slab; the arrays are initialised first. */
import { defineWorkload, READ, Region, TURN, WRITE, workloadParam } from '../../src/trace/index.ts'

const { count, duration, flag, size } = workloadParam
const LINE = 64
const PID = 1000
const [A, B, C] = [0, 1, 2] as const

export default defineWorkload({
  about: 'STREAM triad on slabs, one per task; initialised by the first task alone (or by each for itself)',
  params: {
    array: size('8MiB', 'size of each of the three arrays'),
    iterations: count(4, 'triads over the whole arrays'),
    duration: duration('10s', 'time from first to last'),
    tasks: count(8, 'tasks, one per cpu'),
    serial: flag('on', 'the first task initialises everything: the classic mistake'),
  },

  *generate({ array, iterations, duration: durationNs, tasks: taskCount, serial }, trace) {
    const arrays = [A, B, C].map((n) => new Region(trace, n))
    const tasks = Array.from({ length: taskCount }, (_, i) => trace.task(PID, PID + 1 + i))
    const slab = Math.max(1, Math.floor(array / LINE / taskCount))
    const stepNs = durationNs / (3 * slab * taskCount * (1 + iterations))
    let i = 0
    // every access is to one cache line; tasks advance side by side, line by line
    for (let iteration = 0; iteration <= iterations; iteration++) {
      for (let line = 0; line < slab; line++) {
        for (let who = 0; who < taskCount; who++) {
          const isInit = iteration === 0
          const by = isInit && serial ? 0 : who
          const offset = (who * slab + line) * LINE
          for (const n of [B, C, A]) arrays[n]!.access(Math.floor(i++ * stepNs), tasks[by]!, by, offset, LINE, isInit || n === A ? WRITE : READ)
        }
        if (line % (TURN / 64) === 0) yield (i * stepNs) / durationNs
      }
    }
  },
})
