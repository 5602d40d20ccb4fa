/** GUPS (HPC Challenge RandomAccess): read-modify-writes of random words of one table. */
import { defineWorkload, MODIFY, Region, TURN, WRITE, workloadParam } from '../../src/trace/index.ts'

const { count, duration, flag, size } = workloadParam
const PAGE = 4096
const WORD = 8
const PID = 1000

export default defineWorkload({
  about: 'GUPS: random updates all over one table by all tasks; no page has a home',
  params: {
    table: size('64MiB', 'size of the table'),
    updates: count(1_000_000, 'updates (one read and one write each)'),
    duration: duration('10s', 'time from first to last'),
    tasks: count(8, 'tasks, one per cpu'),
    load: flag('on', 'the first task writes every page once before'),
  },

  *generate({ table, updates, duration: durationNs, tasks: taskCount, load }, trace, random) {
    const memory = new Region(trace)
    const tasks = Array.from({ length: taskCount }, (_, i) => trace.task(PID, PID + 1 + i))
    const words = Math.max(1, Math.floor(table / WORD))
    const loading = load ? Math.ceil(table / PAGE) : 0
    const stepNs = durationNs / (loading + updates)
    for (let page = 0; page < loading; page++) memory.access(Math.floor(page * stepNs), tasks[0]!, 0, page * PAGE, WORD, WRITE)
    yield loading / (loading + updates)
    for (let i = 0; i < updates; i++) {
      const who = i % taskCount
      memory.access(Math.floor((loading + i) * stepNs), tasks[who]!, who, Math.floor(random.float() * words) * WORD, WORD, MODIFY)
      if (i % TURN === 0) yield (loading + i) / (loading + updates)
    }
  },
})
