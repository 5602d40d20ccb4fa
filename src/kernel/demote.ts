/** Kernel-internal moves of cold pages: demotion by reclaim (mm/vmscan.c:demote_folio_list) and DAMOS (mm/damon/paddr.c). */
import type { NodeIndex } from '../machine/index.ts'
import type { PageId } from './face.ts'
import { isolateFolio } from './isolate.ts'
import type { Kernel } from './kernel.ts'

/**
 * Base pages moved to `to`. Demotion falls back to the other nodes of slower tiers (`fallback`, a table of nodes), DAMOS to
 * none. Neither waits, and mempolicy and cpusets do not apply. `counter`: who reclaims, kswapd or the one that needs memory.
 */
export function demotePages(
  kernel: Kernel,
  folios: ArrayLike<PageId>,
  to: NodeIndex,
  fallback: Uint8Array | null,
  reason: 'demotion' | 'damon',
  counter: 'pgdemote_kswapd' | 'pgdemote_direct' = 'pgdemote_kswapd',
): number {
  const { pages, frames, vmstat } = kernel
  kernel.isolated.clear()
  for (let i = 0; i < folios.length; i++) {
    const folio = pages.head(folios[i]!)
    if (pages.node[folio]! < kernel.nodes && pages.node[folio] !== to) isolateFolio(kernel, folio)
  }
  if (kernel.isolated.length === 0) return 0
  const target = (_: PageId, size: number): NodeIndex => {
    const node = frames.allocateOn(to, null, size, to)
    return node >= 0 || fallback === null ? node : frames.allocate(to, fallback, null, size, to)
  }
  kernel.engine.migratePages(kernel.isolated.data, kernel.isolated.length, target, 'MIGRATE_ASYNC', reason)
  const { succeeded, flow } = kernel.engine.last
  if (reason === 'demotion') {
    for (let from = 0; from < kernel.nodes; from++) {
      let demoted = 0
      for (let node = 0; node < kernel.nodes; node++) demoted += flow[from * kernel.nodes + node]!
      if (demoted > 0) vmstat.countNode(from, counter, demoted)
    }
  }
  return succeeded
}
