import { definePolicy, duration, every, fraction, type NodeIndex, onTaskMove } from '../src/policy/index.ts'

export default definePolicy({
  about: 'After a job was moved to other nodes its operator migrates its pages; their relative placement is kept',
  paper: 'Documentation/mm/page_migration.rst: batch scheduler; migratepages(8), migrate_pages(2)',
  params: {
    delay: duration('1s', 'from the first move of a task until the operator acts'),
    trigger: fraction(0.5, 'share of the tasks of the process that must have moved'),
    check: duration('1s', 'how often the operator looks'),
  },
  rules({ kernel, now, processes, tasks }, { delay, trigger, check }) {
    const threads = processes.map((_, process) => tasks.filter((task) => task.process === process).length)
    /** Per process: where each moved task came from and went to since the last migration. */
    const moves = processes.map(() => new Map<number, { from: NodeIndex; to: NodeIndex }>())
    const since = processes.map(() => 0)
    return [
      onTaskMove(({ task, process, from, to, timeNs }) => {
        const moved = moves[process]!
        if (moved.size === 0) since[process] = timeNs
        moved.set(task, { from: moved.get(task)?.from ?? from, to })
        if (moved.get(task)!.from === to) moved.delete(task) // back where its pages are
      }),
      every(check, () => {
        for (const [process, moved] of moves.entries()) {
          if (moved.size === 0 || now() < since[process]! + delay || moved.size < trigger * threads[process]!) continue
          const ordered = [...moved].sort(([a], [b]) => a - b).map(([, move]) => move)
          kernel.migratePages(process, [...new Set(ordered.map(({ from }) => from))], [...new Set(ordered.map(({ to }) => to))])
          moved.clear()
        }
      }),
    ]
  },
})
