/** Event counters under the names of /proc/vmstat and /sys/devices/system/node/nodeN/vmstat. Each is bumped in one place. */

/** Whole-machine events (include/linux/vm_event_item.h). */
export const EVENTS = [
  'pgmigrate_success',
  'pgmigrate_fail',
  'thp_migration_success',
  'thp_migration_fail',
  'thp_migration_split',
  'thp_fault_alloc',
  'thp_fault_fallback',
  'thp_file_alloc',
  'thp_file_mapped',
  'thp_zero_page_alloc',
  'thp_split_page',
  'thp_split_page_failed',
  'thp_split_pmd',
  'thp_deferred_split_page',
  'numa_pte_updates',
  'numa_huge_pte_updates',
  'numa_hint_faults',
  'numa_hint_faults_local',
  'numa_pages_migrated',
  'pgfault',
] as const
export type EventName = (typeof EVENTS)[number]

/** Per-node items (include/linux/mmzone.h: enum numa_stat_item, enum node_stat_item). */
export const NODE_ITEMS = [
  'numa_hit',
  'numa_miss',
  'numa_foreign',
  'numa_interleave',
  'numa_local',
  'numa_other',
  'pgpromote_success',
  'pgpromote_candidate',
  'pgdemote_kswapd',
  'pgdemote_direct',
] as const
export type NodeItem = (typeof NODE_ITEMS)[number]

const EVENT_INDEX = Object.fromEntries(EVENTS.map((name, i) => [name, i])) as Record<EventName, number>
const ITEM_INDEX = Object.fromEntries(NODE_ITEMS.map((name, i) => [name, i])) as Record<NodeItem, number>

export class Vmstat {
  readonly #events = new Float64Array(EVENTS.length)
  readonly #items: Float64Array
  readonly #nodes: number

  constructor(nodes: number) {
    this.#nodes = nodes
    this.#items = new Float64Array(nodes * NODE_ITEMS.length)
  }

  count(name: EventName, by = 1): void {
    this.#events[EVENT_INDEX[name]]! += by
  }

  countNode(node: number, name: NodeItem, by = 1): void {
    this.#items[node * NODE_ITEMS.length + ITEM_INDEX[name]]! += by
  }

  /**
   * mm/page_alloc.c:zone_statistics(), once per allocation of any order. `preferred`: node of the first zone of the zonelist
   * that the nodemask allows; `cpu`: node of the cpu that allocates.
   */
  countAllocation(preferred: number, served: number, cpu: number, by = 1): void {
    const row = served * NODE_ITEMS.length
    if (served === preferred) this.#items[row]! += by
    else {
      this.#items[row + 1]! += by
      this.#items[preferred * NODE_ITEMS.length + 2]! += by
    }
    this.#items[row + (served === cpu ? 4 : 5)]! += by
  }

  /** One event counter. */
  event(name: EventName): number {
    return this.#events[EVENT_INDEX[name]]!
  }

  /** /proc/vmstat: events, and per-node items summed. */
  total(): Record<string, number> {
    const all: Record<string, number> = {}
    for (let i = 0; i < NODE_ITEMS.length; i++) {
      let sum = 0
      for (let node = 0; node < this.#nodes; node++) sum += this.#items[node * NODE_ITEMS.length + i]!
      all[NODE_ITEMS[i]!] = sum
    }
    for (let i = 0; i < EVENTS.length; i++) all[EVENTS[i]!] = this.#events[i]!
    return all
  }

  /** nodeN/vmstat. */
  ofNode(node: number): Record<string, number> {
    const items: Record<string, number> = {}
    for (let i = 0; i < NODE_ITEMS.length; i++) items[NODE_ITEMS[i]!] = this.#items[node * NODE_ITEMS.length + i]!
    return items
  }
}
