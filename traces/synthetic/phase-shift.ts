/**
 * Tasks that move and leave their memory behind: each initialises a slab and keeps using it, and in every phase the
 * scheduler puts it on the next node. With `cpusets` a batch system does so: one job per node, whose cpuset is moved on.
 */
import { defineWorkload, READ, Region, TURN, WRITE, workloadParam } from '../../src/trace/index.ts'

const { count, duration, flag, share, size } = workloadParam
const LINE = 64
const LINES_PER_PAGE = 4096 / LINE
const PID = 1000

export default defineWorkload({
  about: 'Tasks are moved to the next node in every phase, away from their memory; optionally by cpusets',
  params: {
    slab: size('1MiB', 'memory of each task'),
    accesses: count(1_000_000, 'accesses in all'),
    phases: count(4, 'phases; tasks move between them'),
    duration: duration('10s', 'time from first to last'),
    tasks: count(8, 'tasks, spread over the nodes'),
    nodes: count(2, 'nodes; cpus of a node are numbered one after the other, from node 0 on'),
    writes: share(0.3, 'share of writes'),
    cpusets: flag('off', 'one process and cpuset per node; the cpusets move with the tasks'),
  },

  *generate({ slab, accesses, phases, duration: durationNs, tasks: taskCount, nodes, writes, cpusets }, trace, random) {
    const perNode = Math.ceil(taskCount / nodes)
    const nodeAt = (task: number, phase: number) => (Math.floor(task / perNode) + phase) % nodes
    const cpuAt = (task: number, phase: number) => nodeAt(task, phase) * perNode + (task % perNode)
    const cpusOf = (node: number) => Array.from({ length: perNode }, (_, i) => node * perNode + i)
    const jobs = cpusets ? Math.ceil(taskCount / perNode) : 1
    const tasks = Array.from({ length: taskCount }, (_, i) => trace.task(PID + (Math.floor(i / perNode) % jobs), PID + 100 + i))
    const memory = Array.from({ length: taskCount }, (_, i) => new Region(trace, i))
    const lines = Math.max(1, Math.floor(slab / LINE))

    const move = (phase: number, timeNs: number) => {
      for (let job = 0; cpusets && job < jobs; job++) {
        const node = (job + phase) % nodes
        const change = { timeNs, group: `job${job}`, cpus: cpusOf(node), mems: [node] }
        trace.event({ kind: phase === 0 ? 'cpuset_create' : 'cpuset_change', ...change })
        if (phase === 0) trace.event({ timeNs, kind: 'cpuset_attach', group: change.group, process: trace.process(PID + job) })
      }
      for (let i = 0; i < taskCount; i++) trace.event({ timeNs, kind: 'task_runs_on', task: tasks[i]!, cpu: cpuAt(i, phase) })
    }

    const perPhase = Math.ceil(accesses / phases)
    const stepNs = durationNs / accesses
    for (let i = 0, phase = -1; i < accesses; i++) {
      const timeNs = Math.floor(i * stepNs)
      if (Math.floor(i / perPhase) > phase) move(++phase, timeNs)
      const who = i % taskCount
      // the first phase begins with a sweep over the pages of the slab
      const page = Math.floor(i / taskCount)
      const isInit = page * LINES_PER_PAGE < lines
      const line = isInit ? page * LINES_PER_PAGE : random.below(lines)
      memory[who]!.access(timeNs, tasks[who]!, cpuAt(who, phase), line * LINE, LINE, isInit || random.float() < writes ? WRITE : READ)
      if (i % TURN === 0) yield i / accesses
    }
  },
})
