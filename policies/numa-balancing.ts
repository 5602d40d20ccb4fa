import { count, definePolicy, duration, onHintFault, size } from '../src/policy/index.ts'

const UNSET = 0xffff
const NO_NODE = 255
/** kernel/sched/fair.c: NUMA_PERIOD_SLOTS, NUMA_PERIOD_THRESHOLD. */
const SLOTS = 10
const THRESHOLD = 7

export default definePolicy({
  about: 'Linux automatic NUMA balancing: hint faults move pages to the node that uses them, at an adaptive pace',
  paper: 'kernel/sched/fair.c:task_numa_work, should_numa_migrate_memory, task_numa_placement, update_task_scan_period (6.12)',
  params: {
    scanDelay: duration('1s', 'before the first scan of a process (scan_delay_ms)'),
    scanPeriodMin: duration('1s', 'shortest time between scans (scan_period_min_ms)'),
    scanPeriodMax: duration('60s', 'longest time between scans (scan_period_max_ms)'),
    scanSize: size('256MiB', 'address range made to fault per scan (scan_size_mb)'),
    youngScans: count(4, 'scan sequences in which a first or private touch migrates at once'),
  },
  rules({ machine, kernel, tasks, processes }, { scanDelay, scanPeriodMin, scanPeriodMax, scanSize, youngScans }) {
    const nodes = machine.nodes.length
    // folio.last_cpupid: task and node of the last remote fault
    const lastTask = kernel.perPage(Uint16Array, UNSET)
    const lastNode = kernel.perPage(Uint8Array, NO_NODE)
    const scanSequence = processes.map(() => 0)
    const task = tasks.map(() => ({
      period: 0,
      preferred: NO_NODE,
      placedIn: 0,
      memFaults: new Float64Array(nodes),
      newFaults: new Float64Array(nodes),
      local: 0,
      remote: 0,
      failed: 0,
      private: 0,
      shared: 0,
    }))
    type Task = (typeof task)[number]

    const windows = (process: number) => {
      const bytes = kernel.ranges(process).reduce((pages, range) => pages + range.pages, 0) * 4096
      return Math.max(1, Math.ceil(bytes / scanSize))
    }
    const shortest = (process: number) => Math.max(1e9 / Math.max(1, (2560 * 2 ** 20) / scanSize), scanPeriodMin / windows(process))
    const longest = (process: number) => Math.max(shortest(process), scanPeriodMax / windows(process))
    /** The first thread whose period is over scans for the whole process. */
    const period = (process: number) => Math.min(...task.flatMap((state, i) => (tasks[i]!.process === process ? [state.period || shortest(process)] : [])))

    const shouldMigrate = (page: number, me: number, node: number) => {
      const last = lastTask[page]!
      const from = lastNode[page]!
      lastTask[page] = me
      lastNode[page] = node
      const isYoung = task[me]!.preferred === NO_NODE || scanSequence[tasks[me]!.process]! <= youngScans
      if (isYoung && (last === UNSET || last === me)) return true
      if (last !== UNSET && from !== node) return false // two-touch filter
      return true
    }

    const updateScanPeriod = (state: Task, process: number) => {
      const slot = Math.ceil(state.period / SLOTS)
      if (state.local + state.shared === 0 || state.failed > 0) {
        state.period = Math.min(longest(process), 2 * state.period)
      } else {
        const localRatio = Math.floor((state.local * SLOTS) / (state.local + state.remote))
        const privateRatio = Math.floor((state.private * SLOTS) / (state.private + state.shared + 1))
        if (privateRatio >= THRESHOLD) state.period += Math.max(privateRatio - THRESHOLD, 1) * slot
        else if (localRatio >= THRESHOLD) state.period += Math.max(localRatio - THRESHOLD, 1) * slot
        else state.period -= (THRESHOLD - Math.max(localRatio, privateRatio)) * slot
        state.period = Math.min(longest(process), Math.max(shortest(process), state.period))
      }
      state.local = state.remote = state.failed = state.private = state.shared = 0
    }

    /** Once per scan sequence: fold the new faults in with a half-life of one sequence, choose the preferred node. */
    const place = (state: Task, process: number) => {
      if (state.placedIn === scanSequence[process]) return
      state.placedIn = scanSequence[process]!
      if (state.period === 0) state.period = shortest(process)
      let best = 0
      for (let node = 0; node < nodes; node++) {
        state.memFaults[node] = state.memFaults[node]! - Math.floor(state.memFaults[node]! / 2) + state.newFaults[node]!
        state.newFaults[node] = 0
        if (state.memFaults[node]! > state.memFaults[best]!) best = node
      }
      if (state.memFaults[best]! > 0) state.preferred = best
      updateScanPeriod(state, process)
    }

    return [
      onHintFault(
        {
          delay: scanDelay,
          period,
          size: scanSize,
          scanned({ process, wrapped }) {
            if (wrapped) scanSequence[process]!++
          },
        },
        (fault) => {
          const state = task[fault.task]!
          const isLocal = fault.home === fault.node
          const isPrivate = lastTask[fault.page] === UNSET || lastTask[fault.page] === fault.task
          if (!isLocal && shouldMigrate(fault.page, fault.task, fault.node) && !fault.migrate()) state.failed++
          place(state, fault.process)
          state.newFaults[fault.home]!++
          if (isLocal) state.local++
          else state.remote++
          if (isPrivate) state.private++
          else state.shared++
        },
      ),
    ]
  },
})
