/** When a policy acts. A rule is data; the list of rules is the whole policy. */
import type { NodeIndex, PageId } from '../kernel/index.ts'
import { parseDuration } from '../units.ts'
import type { ManagementCall } from './calls.ts'
import type { Observation } from './observations.ts'

/** First touch of a page that is not present. Flyweight: valid during the call. */
export interface Allocation {
  page: PageId
  /** Node of the faulting cpu. */
  node: NodeIndex
  task: number
  process: number
  /** Virtual page number. */
  vpage: number
}

/** First touch of a page that the scanner made PROT_NONE. Flyweight: valid during the call. */
export interface HintFault {
  page: PageId
  /** Node of the faulting cpu. */
  node: NodeIndex
  /** Node that holds the page. */
  home: NodeIndex
  task: number
  /** Who faulted where, as the kernel leaves it in the page's flags (folio.last_cpupid): `world.cpupid` takes it apart. */
  cpupid: number
  process: number
  isWrite: boolean
  /** Policy clock, ns. */
  timeNs: number
  /** migrate_misplaced_folio() to the faulting cpu's node; false when it failed. */
  migrate(): boolean
}

/** Pace of the PTE scanner. */
export interface HintScan {
  /** Before the first scan of a process, ns. */
  delay: number
  /** Between scans of a process, ns; a function is asked before each scan. */
  period: number | ((process: number) => number)
  /** Address range per scan, bytes. */
  size: number
  /** Only pages on these nodes are marked. */
  only?: (node: NodeIndex) => boolean
  /** For each page as it is marked: what arrives later than this took so long to be touched. */
  marked?: (page: PageId) => void
  /** After each scan: `wrapped` when it reached the end of the address space (numa_scan_seq += 1). */
  scanned?: (scan: { process: number; updated: number; wrapped: boolean; timeNs: number }) => void
}

/**
 * What the reaction to a fault does as long as it looks at nothing but who faults where (cpupid), who asked for the page before
 * and where the page is. Faults come by the million: those that only count are told in sums, the reaction gets the others. It must
 * do the same as if it had got all of them.
 */
export interface HintTally {
  /** By page: cpupid of who asked for it last (folio.last_cpupid); beyond all that there are while nobody has. */
  last: Uint8Array | Uint16Array
  /** What such a fault does now. Asked again for all when `version` has changed. */
  verdict(cpupid: number, last: number, home: NodeIndex): HintVerdict
  version(): number
  /** The next fault of this cpupid may change verdicts, whatever it is. Faults of an epoch can end this, not bring it about. */
  isDue(cpupid: number): boolean
  /** Where this is the same for two `last` of a cpupid, so is at any time what `counted` and `migrated` do: their faults are told together. */
  kind(cpupid: number, last: number): number
  /** So many faults alike only counted. */
  counted(cpupid: number, last: number, home: NodeIndex, faults: number): void
  /** So many faults alike moved their pages from `home`. Where some may fail, the reaction gets them. */
  migrated(cpupid: number, last: number, home: NodeIndex, faults: number): void
}

/**
 * count: nothing else; remember: also leaves its cpupid in `last`; migrate: the same, and asks for migration to the node of its
 * cpupid, which changes no verdict; settle: asks the reaction after all others before were told.
 */
export type HintVerdict = 'count' | 'remember' | 'migrate' | 'settle'

export interface Pressure {
  node: NodeIndex
  /** Base pages to free. */
  shortfall: number
}

/** Free pages of a node: reclaim wakes at or below `wake` and frees until `until` is exceeded. */
export interface Watermarks {
  wake: (node: NodeIndex) => number
  until: (node: NodeIndex) => number
}

export interface TaskMove {
  task: number
  process: number
  from: NodeIndex
  to: NodeIndex
  timeNs: number
}

export interface CpusetChange {
  group: string
  /** Process affected; one call each. */
  process: number
  /** mems before and after. */
  from: NodeIndex[]
  to: NodeIndex[]
}

export type Rule =
  | { kind: 'at'; timeNs: number; act: () => void }
  | { kind: 'every'; periodNs: number; observation?: Observation<unknown>; act: (seen: never) => void }
  | { kind: 'allocation'; choose: (page: Allocation) => NodeIndex | undefined }
  | { kind: 'hint fault'; scan: HintScan; react: (fault: HintFault) => void; tally?: HintTally }
  | { kind: 'pressure'; marks?: Watermarks; react: (pressure: Pressure) => void }
  | { kind: 'task move'; react: (move: TaskMove) => void }
  | { kind: 'cpuset change'; react: (change: CpusetChange) => void }
  | { kind: 'syscall'; react: (call: ManagementCall) => void }

type Time = number | string
const ns = (time: Time): number => (typeof time === 'string' ? parseDuration(time) : time)

/** "At 2 s the operator runs …" */
export const at = (time: Time, act: () => void): Rule => ({ kind: 'at', timeNs: ns(time), act })

/** "The daemon wakes every …", "… and looks at …" */
export function every(period: Time, act: () => void): Rule
export function every<Seen>(period: Time, observation: Observation<Seen>, act: (seen: Seen) => void): Rule
export function every(period: Time, second: unknown, third?: unknown): Rule {
  return third === undefined
    ? { kind: 'every', periodNs: ns(period), act: second as () => void }
    : { kind: 'every', periodNs: ns(period), observation: second as Observation<unknown>, act: third as (seen: never) => void }
}

/** "A new page goes to …": answer a node, or undefined to leave it to the memory policy. */
export const onAllocation = (choose: (page: Allocation) => NodeIndex | undefined): Rule => ({ kind: 'allocation', choose })
/** "On a hint fault …"; `tally` says which faults of the reaction only count. */
export const onHintFault = (scan: HintScan, react: (fault: HintFault) => void, tally?: HintTally): Rule => ({ kind: 'hint fault', scan, react, tally })
/** "When a node runs low …": below its low watermark until the high one, as kswapd, or between marks of the policy's own. */
export function onPressure(react: (pressure: Pressure) => void): Rule
export function onPressure(marks: Watermarks, react: (pressure: Pressure) => void): Rule
export function onPressure(first: unknown, second?: unknown): Rule {
  return second === undefined
    ? { kind: 'pressure', react: first as (pressure: Pressure) => void }
    : { kind: 'pressure', marks: first as Watermarks, react: second as (pressure: Pressure) => void }
}
/** "When the scheduler has moved a task to another node …" */
export const onTaskMove = (react: (move: TaskMove) => void): Rule => ({ kind: 'task move', react })
/** "When a process's cpuset changes …" */
export const onCpusetChange = (react: (change: CpusetChange) => void): Rule => ({ kind: 'cpuset change', react })
/** Recorded migrate_pages, move_pages and cpuset writes of the trace. */
export const onSyscall = (react: (call: ManagementCall) => void): Rule => ({ kind: 'syscall', react })
