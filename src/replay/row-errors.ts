/**
 * Columns `*_ci95` of the rows of a lane over a sample of pages, from its counts by hash group. What has no pages of its own (failures,
 * scanning, most counters), or hangs on the load that all pages make (queueing), stays null: halves of the sample alone can tell
 * (half-errors.ts). A figure of nothing has no error.
 */
import type { Row } from '../columns/index.ts'
import type { Machine } from '../machine/index.ts'
import { type GroupCounts, sumOf } from './group-counts.ts'
import { type Jackknife, WIDTH } from './jackknife.ts'
import type { PingPong } from './ping-pong.ts'
import { GROUPS, type Sample } from './sample.ts'
import type { SampledCounts } from './sampled-counts.ts'

const PS_PER_NS = 1000

export class RowErrors {
  readonly #groups: SampledCounts
  readonly #jackknife: Jackknife
  readonly #machine: Machine
  /** Node id -> index. */
  readonly #index: Map<unknown, number>
  readonly #routes: number[]
  readonly #localRoutes: number[]

  constructor(groups: SampledCounts, machine: Machine) {
    const nodes = machine.nodes.length
    this.#groups = groups
    this.#jackknife = groups.jackknife
    this.#machine = machine
    this.#index = new Map(machine.nodes.map(({ id }, index) => [id, index]))
    this.#routes = Array.from({ length: nodes * nodes }, (_, route) => route)
    this.#localRoutes = Array.from({ length: nodes }, (_, node) => node * (nodes + 1))
  }

  /** Of a row of `epochs`: the bin that ends. */
  epoch(row: Row): void {
    const { bin, run } = this.#groups
    const jackknife = this.#jackknife
    const all = this.#accesses(bin, this.#routes)
    const local = this.#accesses(bin, this.#localRoutes)
    const time = sumOf(bin.queueingPs, this.#routes, sumOf(bin.idlePs, this.#routes))
    const hasAccesses = (row['local'] as number) + (row['remote'] as number) > 0
    const migrated = jackknife.ofPages(sumOf(bin.migrated, this.#routes))
    const hintFaults = jackknife.ofPages(bin.hintFaults)
    Object.assign(row, {
      local_ci95: jackknife.ofAccesses(local),
      remote_ci95: jackknife.ofAccesses(all.map((accesses, group) => accesses - local[group]!)),
      local_share_ci95: hasAccesses ? jackknife.ofQuotient(local, all) : null,
      memory_stall_ns_ci95: jackknife.ofAccesses(time) / PS_PER_NS,
      mean_latency_ns_ci95: hasAccesses ? jackknife.ofQuotient(time, all) / PS_PER_NS : null,
      queueing_ns_ci95: ofNothing(row['queueing_ns']),
      dilation_ci95: row['dilation'] === 1 ? 0 : null,
      migrated_ci95: migrated,
      migrated_so_far_ci95: jackknife.ofPages(sumOf(run.migrated, this.#routes, sumOf(bin.migrated, this.#routes))),
      migration_failed_ci95: ofNothing(row['migration_failed']),
      hint_faults_ci95: hintFaults,
      page_faults_ci95: jackknife.ofPages(bin.pageFaults),
      migration_ns_ci95: inProportion(row['migration_ns'], row['migrated'], migrated),
      hint_fault_ns_ci95: inProportion(row['hint_fault_ns'], row['hint_faults'], hintFaults),
      observation_ns_ci95: ofNothing(row['observation_ns']),
      blocked_ns_ci95: this.#blocked(row['blocked_ns'], bin),
    })
  }

  /** Of a row of `nodes` at the end of the bin. */
  node(row: Row, node: number): void {
    const { bin, resident } = this.#groups
    const jackknife = this.#jackknife
    const nodes = this.#machine.nodes.length
    const into = Array.from({ length: nodes }, (_, from) => from * nodes + node)
    const served = this.#accesses(bin, into)
    const accesses = jackknife.ofAccesses(served)
    // pages that are copied make traffic of their own
    const isStill = sumOf(bin.migrated, this.#routes.filter((route) => Math.floor(route / nodes) === node || route % nodes === node)).every((pages) => pages === 0) // biome-ignore format: one thought
    const ofTraffic = (value: unknown): number | null => (isStill ? inProportion(value, row['accesses_in'], accesses) : null)
    Object.assign(row, {
      pages_ci95: jackknife.ofPages(resident, node * WIDTH),
      accesses_in_ci95: accesses,
      accesses_out_ci95: jackknife.ofAccesses(
        this.#accesses(
          bin,
          Array.from({ length: nodes }, (_, to) => node * nodes + to),
        ),
      ),
      latency_ns_ci95: row['latency_ns'] === null ? null : jackknife.ofQuotient(sumOf(bin.queueingPs, into, sumOf(bin.idlePs, into)), served) / PS_PER_NS,
      bytes_ci95: ofTraffic(row['bytes']),
      utilisation_ci95: ofTraffic(row['utilisation']),
    })
  }

  /** Of a row of `moves` in the bin. */
  move(row: Row, reason: string, route: number): void {
    const moves = this.#groups.bin.moves.get(reason)
    row['pages_ci95'] = moves === undefined ? ofNothing(row['pages']) : this.#jackknife.ofPages(moves, route * WIDTH)
    row['failed_ci95'] = ofNothing(row['failed'])
  }

  traffic(rows: Row[], counts: GroupCounts): void {
    const jackknife = this.#jackknife
    const all = this.#accesses(counts, this.#routes)
    for (const row of rows) {
      const route = this.#index.get(row['from_node'])! * this.#machine.nodes.length + this.#index.get(row['to_node'])!
      row['reads_ci95'] = jackknife.ofAccesses(counts.reads, route * WIDTH)
      row['writes_ci95'] = jackknife.ofAccesses(counts.writes, route * WIDTH)
      row['share_ci95'] = jackknife.ofQuotient(this.#accesses(counts, [route]), all)
      if (row['migrated'] === undefined) continue
      row['migrated_ci95'] = jackknife.ofPages(counts.migrated, route * WIDTH)
      row['queueing_ns_ci95'] = ofNothing(row['queueing_ns'])
      row['busiest_ci95'] = ofNothing(row['busiest'])
    }
  }

  /** Rows in order of latency. */
  latency(rows: Row[], counts: GroupCounts): void {
    const all = this.#accesses(counts, this.#routes)
    const upTo = new Float64Array(WIDTH)
    for (const row of rows) {
      const own = counts.latency.get(row['latency_ns'] as number) ?? new Float64Array(WIDTH)
      sumOf(own, [0], upTo)
      row['accesses_ci95'] = this.#jackknife.ofAccesses(own)
      row['share_up_to_ci95'] = this.#jackknife.ofQuotient(upTo, all)
    }
  }

  stack(rows: Row[], counts: GroupCounts): void {
    const jackknife = this.#jackknife
    const without = rows.map((row) => this.#timeWithout(row['component'] as string, row['ns'] as number, counts))
    const known = new Float64Array(GROUPS)
    for (const ns of without) for (let i = 0; i < GROUPS; i++) known[i]! += ns?.[i] ?? 0
    // as in the total cost: what has no pages of its own stands in the sum as it is
    const rest = rows.reduce((sum, row, i) => sum + (without[i] === null ? (row['ns'] as number) : 0), 0)
    for (const [i, row] of rows.entries()) {
      const own = without[i]!
      row['ns_ci95'] = own === null ? ofNothing(row['ns']) : jackknife.of(own)
      row['share_ci95'] = own === null ? ofNothing(row['ns']) : jackknife.of(own.map((ns, group) => ns / (known[group]! + rest)))
    }
  }

  /** ns of a component with each group left out in turn; null where no page owns it. */
  #timeWithout(component: string, ns: number, counts: GroupCounts): Float64Array | null {
    const jackknife = this.#jackknife
    const { distance } = this.#machine
    const nodes = this.#machine.nodes.length
    const far = Number(/^remote access, distance (\d+)$/.exec(component)?.[1])
    const routes = component === 'local access' ? this.#localRoutes : this.#routes.filter((route) => isAt(distance, nodes, route, far))
    if (routes.length > 0) return jackknife.accessesWithout(sumOf(counts.idlePs, routes)).map((ps) => ps / PS_PER_NS)
    /** Time that goes with a count: of nothing there is none. */
    const inProportionTo = (estimate: number, left: Float64Array): Float64Array | null => (estimate > 0 ? left.map((count) => (ns * count) / estimate) : null)
    const withPages = (pages: Float64Array) => inProportionTo(jackknife.pages(pages), jackknife.pagesWithout(pages))
    if (component === 'page fault') return withPages(counts.pageFaults)
    if (component === 'hint fault') return withPages(counts.hintFaults)
    if (component === 'write to copied page') return withPages(counts.writeFaults)
    if (component === 'blocked by migration') return inProportionTo(jackknife.accesses(counts.blockedPs), jackknife.accessesWithout(counts.blockedPs))
    // each page that moves goes through these stages
    if (/^(promotion|migration): (?!call$)/.test(component)) return withPages(sumOf(counts.migrated, this.#routes))
    return null
  }

  /** Counters that count nothing but pages whose groups are known: then they are as many. */
  vmstat(rows: Row[], counts: GroupCounts): void {
    const migrated = sumOf(counts.migrated, this.#routes)
    const forReason = (reason: string) => sumOf(counts.moves.get(reason) ?? new Float64Array(this.#routes.length * WIDTH), this.#routes)
    const promoted = forReason('numa_misplaced')
    const demoted = forReason('demotion')
    const known: Record<string, Float64Array> = {
      pgmigrate_success: migrated,
      numa_pages_migrated: promoted,
      pgpromote_success: promoted,
      pgdemote_kswapd: demoted,
      pgdemote_direct: demoted,
      numa_hint_faults: counts.hintFaults,
      numa_hit: counts.pageFaults,
      numa_local: counts.pageFaults,
      numa_interleave: counts.pageFaults,
    }
    for (const row of rows) {
      const pages = row['node'] === -1 ? known[row['counter'] as string] : undefined
      row['value_ci95'] = pages !== undefined && this.#jackknife.pages(pages) === row['value'] ? this.#jackknife.ofPages(pages) : ofNothing(row['value'])
    }
  }

  /** No page says that it failed. */
  failures(rows: Row[]): void {
    for (const row of rows) row['pages_ci95'] = ofNothing(row['pages'])
  }

  returns(rows: Row[], counts: GroupCounts): void {
    for (const row of rows) row['pages_ci95'] = this.#jackknife.ofPages(counts.returns.get(row['returns'] as number) ?? new Float64Array(WIDTH))
  }

  /** Of rows by how often pages came back; answers for all pages that did. */
  pingPong(rows: Row[], pingPong: PingPong, { group }: Sample): number {
    const byReturns = new Map<number, Float64Array>()
    const all = new Float64Array(WIDTH)
    pingPong.forEach((page, returns) => {
      const counts = byReturns.get(returns) ?? new Float64Array(WIDTH)
      byReturns.set(returns, counts)
      counts[group[page]!]!++
      all[group[page]!]!++
    })
    for (const row of rows) row['pages_ci95'] = this.#jackknife.ofPages(byReturns.get(row['returns'] as number)!)
    return this.#jackknife.ofPages(all)
  }

  /** `rowsOf`: the table `residency` where each kept page stands for so many. */
  residency(rows: Row[], rowsOf: (standsFor: Float64Array) => Row[], { group, facts }: Sample): void {
    const keyOf = (row: Row) => `${row['recorded_node']} ${row['node']}`
    const without = Array.from({ length: GROUPS }, (_, i) => {
      const others = (facts.oneIn * GROUPS) / (GROUPS - 1)
      const found = rowsOf(Float64Array.from(group, (own) => (own === 0 ? 1 : own === i + 1 ? 0 : others)))
      const all = found.reduce((sum, row) => sum + (row['pages'] as number), 0)
      return { pages: new Map(found.map((row) => [keyOf(row), row['pages'] as number])), all }
    })
    for (const row of rows) {
      const pages = without.map((found) => found.pages.get(keyOf(row)) ?? 0)
      row['pages_ci95'] = this.#jackknife.of(pages)
      row['share_ci95'] = this.#jackknife.of(pages.map((count, i) => count / without[i]!.all))
    }
  }

  #accesses(counts: GroupCounts, routes: number[]): Float64Array {
    return sumOf(counts.writes, routes, sumOf(counts.reads, routes))
  }

  #blocked(ns: unknown, { blockedPs }: GroupCounts): number | null {
    return inProportion(ns, this.#jackknife.accesses(blockedPs), this.#jackknife.ofAccesses(blockedPs))
  }
}

const isAt = (distance: readonly (readonly number[])[], nodes: number, route: number, far: number): boolean => {
  const [from, to] = [Math.floor(route / nodes), route % nodes]
  return from !== to && distance[from]![to] === far
}

const ofNothing = (value: unknown): number | null => (value === 0 ? 0 : null)

/** The half width of a value that goes with a count. */
function inProportion(value: unknown, count: unknown, width: number): number | null {
  if (value === null || value === undefined) return null
  return (count as number) > 0 ? ((value as number) / (count as number)) * width : ofNothing(value)
}
