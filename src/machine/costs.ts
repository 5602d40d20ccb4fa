/** What moving, faulting and scanning cost when a machine file says nothing, with the source of each figure. */
import type { CostModel } from './machine.ts'

const NS = 1000
const US = 1000 * NS

/**
 * One TLB flush with inter-processor interrupts to a process that runs on `TLB_FLUSH_CPUS` or more cpus; fewer cpus, less.
 * Unbatched migration took 3.92 times the time per page (commit 7e12beb8ca2a "migrate_pages: batch flushing TLB"), i.e. some 3.6 us more.
 */
const TLB_FLUSH_PS = 3.6 * US
const TLB_FLUSH_CPUS = 64

/**
 * Migration: fitted to move_pages() throughput by folio size on a two-socket Zen 3 (linux-kernel 2026-05-08, "batch copy and
 * offload" v5): t = 0.67 us + 0.143 us/KiB within 1 % from 4 KiB to 1 MiB, and 190 us for a PMD-mapped 2 MiB folio.
 */
export function defaultCosts(cpus: number): CostModel {
  return {
    // choice; 72 us before commit 35282a2de4e5 "migrate_prep() is fairly expensive"
    migrateCallPs: 2 * US,
    migratePageFixedPs: 670 * NS,
    copyPsPerKiB: 143 * NS,
    migrateThpPs: 190 * US,
    tlbFlushPs: Math.round((TLB_FLUSH_PS * Math.min(cpus, TLB_FLUSH_CPUS)) / TLB_FLUSH_CPUS),
    // 0.5 to 2 us are usual; unverified
    hintFaultPs: 1 * US,
    // an anonymous first-touch fault with a zeroed 4 KiB page; choice, the same for every policy
    pageFaultPs: 500 * NS,
    // one accessed or PROT_NONE bit in a page-table walk; unverified
    scanPtePs: 10 * NS,
    // one hardware sample taken, parsed and counted; choice
    samplePs: 200 * NS,
    // split of the fixed cost by stage of migrate_pages(); choice, it colours charts and changes no total
    stageShares: { isolate: 0.15, allocate: 0.25, unmap: 0.25, remap: 0.25, putback: 0.1 },
  }
}
