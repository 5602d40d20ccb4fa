/**
 * Rare things in a recording, beside its accesses. Times are integer nanoseconds on the trace's own clock; `process` and
 * `task` are indexes into the trace's tables; nodes are operating-system node ids as recorded (not yet mapped to a machine).
 *
 * mmap … set_mempolicy are facts of the program: every lane applies them. migrate_pages, move_pages and cpuset writes are
 * decisions of somebody who managed the program: the policy `as-recorded` applies them, other policies may react to them.
 */
export type TraceEvent =
  | { timeNs: number; kind: 'mmap'; process: number; startVpage: number; pages: number; name: string; shared?: boolean }
  | { timeNs: number; kind: 'munmap'; process: number; startVpage: number; pages: number }
  | { timeNs: number; kind: 'fork'; process: number; child: number }
  | { timeNs: number; kind: 'exit'; process: number }
  | { timeNs: number; kind: 'mlock'; process: number; startVpage: number; pages: number }
  | { timeNs: number; kind: 'madvise'; process: number; startVpage: number; pages: number; advice: string }
  | { timeNs: number; kind: 'mbind'; process: number; startVpage: number; pages: number; mode: string; nodes: number[]; flags: string[] }
  | { timeNs: number; kind: 'set_mempolicy'; task: number; mode: string; nodes: number[] }
  | { timeNs: number; kind: 'migrate_pages'; process: number; from: number[]; to: number[] }
  | { timeNs: number; kind: 'move_pages'; process: number; vpages: number[]; nodes: number[] }
  | { timeNs: number; kind: 'cpuset_create'; group: string; cpus: number[]; mems: number[] }
  | { timeNs: number; kind: 'cpuset_change'; group: string; cpus?: number[]; mems?: number[] }
  | { timeNs: number; kind: 'cpuset_attach'; group: string; process: number }
  /**
   * A task moved: the scheduler's own record (sched_migrate_task), or its accesses come from another cpu than before. The
   * latter lies at the start of the tick in which it was seen, one per task and tick, and cuts no tick.
   */
  | { timeNs: number; kind: 'task_runs_on'; task: number; cpu: number }
  /** What a recording kernel says it migrated (migrate:mm_migrate_pages): counts only, for comparison. */
  | { timeNs: number; kind: 'kernel_migrated'; succeeded: number; failed: number; reason: string }
  /** Records that the recorder lost. */
  | { timeNs: number; kind: 'lost'; records: number }

export type TraceEventKind = TraceEvent['kind']
