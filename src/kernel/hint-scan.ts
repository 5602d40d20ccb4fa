/** The PTE scanner of automatic NUMA balancing (kernel/sched/fair.c:task_numa_work, mm/mprotect.c:change_pte_range). */
import type { NodeIndex } from '../machine/index.ts'
import { ownPolicy, type Process, type Task, type Vma } from './address-space.ts'
import { SCAN_VIRTUAL_FACTOR, THP_PAGES } from './defaults.ts'
import { ABSENT, type ScanChoice } from './face.ts'
import { likelyShared } from './isolate.ts'
import type { Kernel } from './kernel.ts'
import { migratesOnFault } from './mempolicy.ts'
import { knownRange, setBits } from './page-ranges.ts'
import { PAGE, type Pages } from './pages.ts'

/** Which thread scans and when: with it, mappings that the thread never faults in are left to later turns. */
export interface ScanTurn {
  task: Task
  /** numa_balancing/scan_delay_ms and now, ns. */
  delay: number
  now: number
}

export interface ScanResult {
  /** ptes made PROT_NONE. */
  updated: number
  /** ptes looked at. */
  walked: number
  /** The end of the address space was reached: numa_scan_seq + 1. */
  wrapped: boolean
}

/** vma->numab_state: who takes hint faults in a mapping, and when it was last scanned. Times in ns. */
export interface VmaScanState {
  startSequence: number
  previousSequence: number
  nextScan: number
  /** Bits of hashed thread ids: [before, now], shifted every four scan delays. */
  pids: [number, number]
  pidsReset: number
}

/** VMA_PID_RESET_PERIOD, in scan delays. */
const PID_RESET_DELAYS = 4

/** The thread took a hint fault in this mapping. */
export function noteAccess(vma: Vma, task: Task): void {
  if (vma.scan !== undefined) vma.scan.pids[1] |= pidBit(task)
}

/** hash_32(pid, 6) picks one of 64 bits in the kernel; threads of one process differ in few bits, so 31 are enough here. */
const pidBit = (task: Task): number => 1 << (task.tid % 31)

/**
 * One scan: goes on where the last one stopped and ends after `budget` pages of address range in which something was marked, or
 * eight times as much in which nothing was. With a `turn`, mappings that the thread has not used of late are skipped, and one of
 * the skipped is scanned when the end is reached without anything else to do.
 */
export function scanHints(kernel: Kernel, process: Process, budget: number, scannerNode: NodeIndex, choice: ScanChoice = {}, turn?: ScanTurn): ScanResult {
  const result: ScanResult = { updated: 0, walked: 0, wrapped: false }
  const left = { pages: budget, range: budget * SCAN_VIRTUAL_FACTOR }
  const scanner = turn?.task ?? process.tasks[0]
  const last = process.vmas.at(-1)
  if (turn !== undefined && last !== undefined && process.scanOffset >= last.start + last.ptes.length) wrap(process, result)
  let isForced = false
  for (;;) {
    let skipped = false
    for (const vma of process.vmas) {
      const end = vma.start + vma.ptes.length
      if (end <= process.scanOffset || !isScannable(vma, scanner)) continue
      if (turn !== undefined) {
        const now = choose(process, vma, turn, isForced)
        if (now === 'done') process.scanOffset = end
        if (now === 'idle') skipped = true
        if (now !== 'scan') continue
      }
      const start = Math.max(process.scanOffset, vma.start)
      const stop = scanVma(kernel, process, vma, start, scannerNode, choice, left, result)
      if (stop < end) {
        process.scanOffset = stop
        return result
      }
      if (vma.scan !== undefined) vma.scan.previousSequence = process.scanSequence
      if (isForced || turn === undefined) process.scanOffset = end
      if (isForced || left.pages <= 0 || left.range <= 0) {
        process.scanOffset = end
        if (isForced || vma !== last) return result
      }
    }
    if (isForced || !skipped) break
    isForced = true
  }
  wrap(process, result)
  return result
}

/** reset_ptenuma_scan() */
function wrap(process: Process, result: ScanResult): void {
  process.scanOffset = 0
  process.scanSequence++
  result.wrapped = true
}

/** Marks from `start` until the mapping or the budget ends, 2 MiB by 2 MiB at the end; answers where it stopped. */
function scanVma(
  kernel: Kernel,
  process: Process,
  vma: Vma,
  from: number,
  node: NodeIndex,
  choice: ScanChoice,
  left: { pages: number; range: number },
  result: ScanResult,
): number {
  const end = vma.start + vma.ptes.length
  let start = from
  while (start < end && left.pages > 0 && left.range > 0) {
    const aligned = Math.ceil((start + left.pages) / THP_PAGES) * THP_PAGES
    const stop = Math.min(aligned, start + left.range, end)
    const updated = protect(kernel, process, vma, start - vma.start, stop - vma.start, node, choice)
    result.updated += updated
    result.walked += stop - start
    if (updated > 0) left.pages -= stop - start
    left.range -= stop - start
    start = stop
  }
  return start
}

/** What this turn does with a mapping: scan it, leave it for later, or nothing as it had its turn in this sequence. */
function choose(process: Process, vma: Vma, { task, delay, now }: ScanTurn, isForced: boolean): 'scan' | 'idle' | 'done' | 'too young' {
  vma.scan ??= {
    startSequence: process.scanSequence,
    previousSequence: process.scanSequence - 1,
    nextScan: now + delay,
    pids: [0, 0],
    pidsReset: now + (1 + PID_RESET_DELAYS) * delay,
  }
  const state = vma.scan
  const sequence = process.scanSequence
  if (sequence > 0 && now < state.nextScan) return 'too young'
  if (sequence > 0 && now > state.pidsReset) {
    state.pidsReset += PID_RESET_DELAYS * delay
    state.pids = [state.pids[1], 0]
  }
  if (state.previousSequence === sequence) return 'done'
  if (isForced) return 'scan'
  // vma_is_accessed()
  if (sequence - state.startSequence < 2) return 'scan'
  if (((state.pids[0] | state.pids[1]) & pidBit(task)) !== 0) return 'scan'
  if (process.scanOffset > vma.start) return 'scan'
  return sequence > state.previousSequence + process.tasks.length ? 'scan' : 'idle'
}

/** Skips what never takes hint faults: policies without migrate-on-fault, read-only file mappings, special and PROT_NONE areas. */
function isScannable(vma: Vma, scanner: Task | undefined): boolean {
  if (vma.special || (!vma.readable && !vma.writable)) return false
  if (vma.kind === 'file' && vma.readable && !vma.writable) return false
  return migratesOnFault(ownPolicy(vma, 0) ?? scanner?.policy ?? null)
}

/** change_prot_numa(): number of ptes changed. */
function protect(kernel: Kernel, process: Process, vma: Vma, from: number, to: number, scannerNode: NodeIndex, choice: ScanChoice): number {
  const { pages } = kernel
  const { ptes } = vma
  const { only, there = 0 } = choice
  const singleThreaded = process.tasks.length <= 1 && !vma.shared
  const { hintMarked } = pages
  let updated = 0
  if (pages.loops !== null && pages.arePlain && only === undefined) {
    const range = there > 0 && !singleThreaded ? knownRange(ptes, from, to) : undefined
    const areAll = there >= pages.length && !singleThreaded
    updated = range ? setBits(hintMarked.words, range, there) : protectPlain(pages, ptes.subarray(from, to), singleThreaded ? scannerNode : ABSENT, areAll)
    kernel.vmstat.count('numa_pte_updates', updated)
    return updated
  }
  for (let i = from; i < to; i++) {
    const page = ptes[i]!
    if (page < 0) continue
    const node = pages.node[page]!
    if (node === ABSENT || hintMarked.has(page)) continue
    // local pages of a process with one user
    if (singleThreaded && node === scannerNode) continue
    const state = pages.state(page)
    if ((state & PAGE.ksm) !== 0) continue
    if (!vma.shared && ((state & PAGE.dmaPinned) !== 0 || likelyShared(pages, pages.head(page)))) continue
    if ((state & PAGE.file) !== 0 && (state & PAGE.dirty) !== 0) continue
    if (only !== undefined && !only(node, page)) continue
    hintMarked.add(page)
    updated += pages.standsFor(page)
  }
  kernel.vmstat.count('numa_pte_updates', updated)
  return updated
}

/** The same where nothing but its node (or `except`) can keep a page from being marked, or nothing at all: by a loop that reaches the pages. */
function protectPlain({ loops, node, hintMarked }: Pages, ptes: Int32Array, except: NodeIndex, areAll: boolean): number {
  const { entries, markPages } = loops!
  let updated = 0
  for (let i = 0; i < ptes.length; i += entries.length) {
    const some = ptes.subarray(i, i + entries.length)
    entries.set(some)
    updated += markPages(entries, some.length, node, hintMarked.words, except, areAll)
  }
  return updated
}
