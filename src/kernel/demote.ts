/** Kernel-internal moves of cold pages: demotion by reclaim (mm/vmscan.c:demote_folio_list) and DAMOS (mm/damon/paddr.c). */
import type { NodeIndex } from '../machine/index.ts'
import type { PageId } from './face.ts'
import { isolateFolio } from './isolate.ts'
import type { Kernel } from './kernel.ts'

type DemotionCounter = 'pgdemote_kswapd' | 'pgdemote_direct'

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
  counter: DemotionCounter = 'pgdemote_kswapd',
): number {
  const { pages, frames, engine } = kernel
  const remapped = reason === 'demotion' ? remapToShadows(kernel, folios, to, fallback, counter) : 0
  kernel.isolated.clear()
  for (let i = 0; i < folios.length; i++) {
    const folio = pages.head(folios[i]!)
    if (pages.node[folio]! < kernel.nodes && pages.node[folio] !== to && engine.copies?.shadowOf(folio) === undefined) isolateFolio(kernel, folio)
  }
  if (kernel.isolated.length === 0) return remapped
  const target = (_: PageId, size: number): NodeIndex => {
    const node = frames.allocateOn(to, null, size, to)
    return node >= 0 || fallback === null ? node : frames.allocate(to, fallback, null, size, to)
  }
  engine.migratePages(kernel.isolated.data, kernel.isolated.length, target, 'MIGRATE_ASYNC', reason)
  if (reason === 'demotion') countDemoted(kernel, counter)
  return remapped + engine.last.succeeded
}

/** Pages whose shadow lies where they may go take its frame (Nomad): nothing is allocated and nothing copied. */
function remapToShadows(kernel: Kernel, folios: ArrayLike<PageId>, to: NodeIndex, fallback: Uint8Array | null, counter: DemotionCounter): number {
  const { engine } = kernel
  const { copies } = engine
  if (copies === null) return 0
  kernel.isolated.clear()
  for (let i = 0; i < folios.length; i++) {
    const shadow = copies.shadowOf(folios[i]!)
    if (shadow !== undefined && (shadow === to || fallback?.[shadow] === 1)) isolateFolio(kernel, folios[i]!)
  }
  if (kernel.isolated.length === 0) return 0
  engine.remap(kernel.isolated.data, kernel.isolated.length, 'demotion')
  countDemoted(kernel, counter)
  return engine.last.succeeded
}

function countDemoted({ nodes, engine, vmstat }: Kernel, counter: DemotionCounter): void {
  for (let from = 0; from < nodes; from++) {
    let demoted = 0
    for (let node = 0; node < nodes; node++) demoted += engine.last.flow[from * nodes + node]!
    if (demoted > 0) vmstat.countNode(from, counter, demoted)
  }
}
