import { choice, count, definePolicy, duration, HotThreshold, NO_NODE, NO_TASK, NumaFaults, onHintFault, rate, size } from '../src/policy/index.ts'

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
  rules(world, { mode, scanDelay, youngScans, hotThreshold, rateLimit, ...scan }) {
    const { machine, kernel } = world
    const isTiering = mode !== '1'
    const isBalancing = mode !== '2'
    const statistics = new NumaFaults(world, scan)
    const heat = isTiering ? new HotThreshold(world, { hotThreshold, rateLimit, adjustPeriod: scan.scanPeriodMax }) : null
    const isSlow = (node: number): boolean => isTiering && !machine.isFast(node)
    // folio.last_cpupid: task and node of the last fault that asked for migration
    const lastTask = kernel.perPage(Uint16Array, NO_TASK)
    const lastNode = kernel.perPage(Uint8Array, NO_NODE)

    /** Asks, and leaves behind who asked (folio_xchg_last_cpupid). */
    const shouldMigrate = (page: number, task: number, from: number, to: number): boolean => {
      const wanted = statistics.shouldMigrate(lastTask[page]!, lastNode[page]!, task, from, to, youngScans)
      lastTask[page] = task
      lastNode[page] = to
      return wanted
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
          const last = fromSlow ? NO_TASK : lastTask[page]!
          let memNode = home
          let migrationFailed = false
          const wanted = home !== node && machine.pages(node) > 0 && (fromSlow ? heat!.promotes(page, node) : shouldMigrate(page, task, home, node))
          if (wanted && fault.migrate()) {
            memNode = node
            if (fromSlow) lastTask[page] = NO_TASK
          } else migrationFailed = wanted
          if (isSlow(memNode)) return // no statistics for slow nodes
          statistics.record({ task, process, lastTask: last, cpuNode: node, home, memNode, migrationFailed, count: world.standsFor(page) })
        },
      ),
    ]
  },
})
