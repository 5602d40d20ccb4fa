import {
  choice,
  count,
  definePolicy,
  duration,
  type HintFault,
  type HintTally,
  HotThreshold,
  NO_NODE,
  NO_TASK,
  NumaFaults,
  onHintFault,
  rate,
  size,
} from '../src/policy/index.ts'

export default definePolicy({
  about: 'Linux automatic NUMA balancing: hint faults move pages to the node that uses them, at an adaptive pace',
  paper: 'kernel/sched/fair.c:task_numa_work, should_numa_migrate_memory, task_numa_fault, task_numa_placement, update_task_scan_period (6.12)',
  params: {
    mode: choice(['1', '2', '3'], 'kernel.numa_balancing: 1 between nodes, 2 tiering (promotes from slow nodes; add +demotion:tiering=on), 3 both'),
    scanDelay: duration('1s', 'before the first scan of a process (scan_delay_ms)'),
    scanPeriodMin: duration('1s', 'shortest time between scans (scan_period_min_ms)'),
    scanPeriodMax: duration('60s', 'longest time between scans (scan_period_max_ms)'),
    scanSize: size('256MiB', 'address range made to fault per scan (scan_size_mb)'),
    youngScans: count(4, 'scan sequences in which a first or private touch migrates at once'),
    hotThreshold: duration('1s', 'tiering: a page touched this soon after it was marked is hot (hot_threshold_ms)'),
    rateLimit: rate('64GiB/s', 'tiering: most promotion (numa_balancing_promote_rate_limit_MBps)'),
  },
  rules(world, { mode, scanDelay, hotThreshold, rateLimit, ...scan }) {
    const { machine, kernel, cpupid } = world
    const isTiering = mode !== '1'
    const isBalancing = mode !== '2'
    const statistics = new NumaFaults(world, scan)
    const isSlow = (node: number): boolean => isTiering && !machine.isFast(node)
    const heat = machine.nodes.some(({ index }) => isSlow(index))
      ? new HotThreshold(world, { hotThreshold, rateLimit, adjustPeriod: scan.scanPeriodMax })
      : null
    // folio.last_cpupid: who asked for migration last, and from where; for nobody a number beyond all that there are
    const nobody = cpupid.task.length < 0xff ? 0xff : 0xffff
    const lastCpupid = nobody === 0xff ? kernel.perPage(Uint8Array, nobody) : kernel.perPage(Uint16Array, nobody)
    const lastTask = (page: number): number => cpupid.task[lastCpupid[page]!] ?? NO_TASK
    const lastNode = (page: number): number => cpupid.node[lastCpupid[page]!] ?? NO_NODE

    /** Asks, and leaves behind who asked (folio_xchg_last_cpupid). */
    const shouldMigrate = ({ page, cpupid, task, home, node }: HintFault): boolean => {
      const wanted = statistics.shouldMigrate(lastTask(page), lastNode(page), task, home, node)
      lastCpupid[page] = cpupid
      return wanted
    }

    const processOf = (actor: number): number => world.tasks[cpupid.task[actor]!]!.process
    /** Between fast nodes a fault looks at nothing but who faults where, who did before, and where the page is. */
    const tally: HintTally = {
      last: lastCpupid,
      version: () => statistics.version,
      isDue: (actor) => statistics.isDue(cpupid.task[actor]!, processOf(actor)),
      verdict(actor, last, home) {
        const [task, node] = [cpupid.task[actor]!, cpupid.node[actor]!]
        const lastTask = cpupid.task[last] ?? NO_TASK
        if (statistics.joins(task, lastTask)) return 'settle'
        if (home === node || machine.pages(node) === 0) return 'count'
        return statistics.shouldMigrate(lastTask, cpupid.node[last] ?? NO_NODE, task, home, node) ? 'migrate' : 'remember'
      },
      // sums ask of `last` only whether it is the same task
      kind: (actor, last) => Number(statistics.isPrivate(cpupid.task[actor]!, cpupid.task[last] ?? NO_TASK)),
      counted(actor, last, home, faults) {
        statistics.recordMany(faults, cpupid.task[actor]!, cpupid.task[last] ?? NO_TASK, cpupid.node[actor]!, home)
      },
      migrated(actor, last, home, faults) {
        const node = cpupid.node[actor]!
        statistics.recordMany(faults, cpupid.task[actor]!, cpupid.task[last] ?? NO_TASK, node, home, node)
      },
    }

    return [
      onHintFault(
        {
          delay: scanDelay,
          period: (process) => statistics.scanPeriod(process),
          size: scan.scanSize,
          only: isBalancing ? undefined : isSlow,
          marked: heat === null ? undefined : (page) => heat.marked(page),
          scanned({ process, wrapped }) {
            if (wrapped) statistics.sequence[process]!++
          },
        },
        (fault) => {
          const { page, task, process, home, node } = fault
          const fromSlow = isSlow(home)
          const last = fromSlow ? NO_TASK : lastTask(page)
          let memNode = home
          let migrationFailed = false
          const wanted = home !== node && machine.pages(node) > 0 && (fromSlow ? heat!.promotes(page, node) : shouldMigrate(fault))
          if (wanted && fault.migrate()) {
            memNode = node
            if (fromSlow) lastCpupid[page] = nobody
          } else migrationFailed = wanted
          if (isSlow(memNode)) return // no statistics for slow nodes
          statistics.record({ task, process, lastTask: last, cpuNode: node, home, memNode, migrationFailed, count: world.standsFor(page) })
        },
        heat === null ? tally : undefined,
      ),
    ]
  },
})
