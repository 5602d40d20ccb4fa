/**
 * Page states that a trace cannot know, said in a plan: pinned, under writeback, shared … for ranges, fractions of pages and
 * spans of time. What a state does to a migration is the engine's business; this only puts it on pages and takes it off.
 */
import { fnv1a } from '../columns/index.ts'
import type { MemoryLayout, PageId } from './face.ts'
import { PAGE, type Pages } from './pages.ts'

export const PAGE_STATES = ['pinned', 'referenced', 'locked', 'dirty', 'writeback', 'shared', 'movable', 'unevictable', 'poisoned'] as const
export type PageStateName = (typeof PAGE_STATES)[number]

/** One entry of a plan: these pages are in this state from … until. */
export interface PlannedState {
  state: PageStateName
  /** Only pages of this process. */
  pid?: number
  /** Only virtual pages in [startVpage, startVpage + pages). */
  startVpage?: number
  pages?: number
  /** Share of the pages meant, drawn by seed: 0 … 1. */
  fraction: number
  /** Since the start of the trace, ns; `untilNs` undefined = to the end. */
  fromNs: number
  untilNs?: number
  /** For `shared`: number of mappings. */
  mappings: number
}

export interface FaultPlan {
  states: PlannedState[]
}

/** Puts planned states on the pages of one lane as time goes by. */
export class PlannedStates {
  readonly #pages: Pages
  readonly #changes: { timeNs: number; begins: boolean; entry: PlannedState; members: PageId[] }[]
  #next = 0

  constructor(plan: FaultPlan, pages: Pages, layout: MemoryLayout, seed: number) {
    this.#pages = pages
    this.#changes = plan.states
      .flatMap((entry, i) => {
        const members = membersOf(entry, layout, fnv1a(`${seed} state ${i}`))
        const begin = { timeNs: entry.fromNs, begins: true, entry, members }
        return entry.untilNs === undefined ? [begin] : [begin, { timeNs: entry.untilNs, begins: false, entry, members }]
      })
      .sort((a, b) => a.timeNs - b.timeNs)
  }

  /** Applies everything due at `sinceStartNs`. */
  apply(sinceStartNs: number): void {
    while (this.#next < this.#changes.length && this.#changes[this.#next]!.timeNs <= sinceStartNs) {
      const { entry, members, begins } = this.#changes[this.#next++]!
      for (const page of members) mark(this.#pages, page, entry, begins)
    }
  }
}

function membersOf({ pid, startVpage = 0, pages = Number.POSITIVE_INFINITY, fraction }: PlannedState, layout: MemoryLayout, salt: number): PageId[] {
  const members: PageId[] = []
  for (const process of layout.processes) {
    if (pid !== undefined && process.pid !== pid) continue
    for (const { startVpage: start, ptes } of process.vmas) {
      const end = Math.min(ptes.length, startVpage + pages - start)
      for (let i = Math.max(0, startVpage - start); i < end; i++) {
        if (ptes[i]! >= 0 && unit(ptes[i]!, salt) < fraction) members.push(ptes[i]!)
      }
    }
  }
  return members
}

/** A number in [0, 1) that depends on page and salt only, so that a page's fate does not depend on the order of anything (murmur3's finaliser). */
function unit(page: PageId, salt: number): number {
  let hash = (page ^ salt) >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}

/** Names that are bits of a page's state (pages.ts); migrate.ts says what each does to a migration. */
const BITS: Partial<Record<PageStateName, number>> = {
  /** FOLL_PIN: an exclusive anonymous page refuses to be unmapped. */
  pinned: PAGE.dmaPinned,
  locked: PAGE.locked,
  /** Of a file system without ->migrate_folio: must be written out first. */
  dirty: PAGE.file | PAGE.dirty | PAGE.noMigrateFolio,
  writeback: PAGE.writeback,
  /** A driver's page, not on any LRU list. */
  movable: PAGE.movableOps,
  unevictable: PAGE.unevictable | PAGE.mlocked,
  poisoned: PAGE.poisoned,
}

function mark(pages: Pages, page: PageId, { state, mappings }: PlannedState, on: boolean): void {
  const bits = BITS[state] ?? 0
  if (on) pages.setState(page, bits)
  else pages.clearState(page, bits)
  if (state === 'shared') pages.setMapcount(page, on ? mappings : 1)
  // A plain extra reference: pipe, splice, a look-up in flight
  if (state === 'referenced') pages.setExtraRefs(page, on ? 1 : 0)
}
