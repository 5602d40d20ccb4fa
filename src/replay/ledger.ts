/**
 * The ledger alone counts. Kernel and lane report what happened; the ledger turns it into time with the machine's costs and
 * into the rows of the run's tables. All sums are integers: counts, and whole picoseconds below 2^53.
 */
import type { Row } from '../columns/index.ts'
import type { KernelObserver, MigrationRecord } from '../kernel/index.ts'
import type { Machine } from '../machine/index.ts'
import type { NodeLoad } from '../policy/index.ts'
import type { TickBlock } from '../trace/index.ts'
import type { Workspace } from '../wasm/index.ts'
import { BlockedAccesses } from './blocked-accesses.ts'
import type { LoadModel } from './contention.ts'
import { AT, CostStack, MIGRATION, PROMOTION, toNs } from './cost-stack.ts'
import { stateIn } from './lane-state.ts'
import { MemoryTraffic } from './memory-traffic.ts'
import { MoveCounts } from './move-counts.ts'
import { PingPong } from './ping-pong.ts'
import { RowErrors } from './row-errors.ts'
import type { Sample } from './sample.ts'
import { SampledCounts, type SampledTotals } from './sampled-counts.ts'

/** Sums of one time bin. */
interface Bin {
  local: number
  remote: number
  memoryPs: number
  /** The part of memoryPs above idle latency. */
  queueingPs: number
  migrated: number
  failed: number
  hintFaults: number
  pageFaults: number
  migrationPs: number
  hintFaultPs: number
  observationPs: number
  /** Waits of accesses for pages under migration by a background core. */
  blockedPs: number
  /** Recorded time, and what saturated memory or links add to it. */
  recordedNs: number
  stretchNs: number
}

const emptyBin = (): Bin => ({
  local: 0,
  remote: 0,
  memoryPs: 0,
  queueingPs: 0,
  migrated: 0,
  failed: 0,
  hintFaults: 0,
  pageFaults: 0,
  migrationPs: 0,
  hintFaultPs: 0,
  observationPs: 0,
  blockedPs: 0,
  recordedNs: 0,
  stretchNs: 0,
})

/** Nobody's task: the work is done by a background core. */
export const NOBODY = -1

export interface LedgerShape {
  machine: Machine
  /** actor -> node index of its cpu. */
  actorNode: Uint8Array
  /** actor -> task. */
  actorTask: Uint16Array
  tasks: number
  pages: number
  /** Bytes of a base page. */
  pageSize: number
  /** Ticks per time bin of the tables. */
  ticksPerBin: number
  label: string
  /** Queueing under load; without it every access takes its idle latency. */
  load?: LoadModel
  /** Where kernels count. */
  space: Workspace
  /** Where the trace is a sample of pages. */
  sample?: Sample
}

/** What a lane adds up to, in exact integers; `collect` derives the summary from it. */
export interface LedgerTotals extends Bin {
  /** Stall of each task: accesses, faults, promotions. */
  taskStallPs: Float64Array
  /** Sum over epochs of the stall of the task that stalled most in the epoch. */
  criticalStallPs: number
  /** [accessing node * nodes + memory node] */
  reads: Float64Array
  writes: Float64Array
  groups?: SampledTotals
}

export class Ledger implements KernelObserver {
  readonly #shape: LedgerShape
  readonly #nodes: number
  /** Accesses and what they cost. */
  readonly traffic: MemoryTraffic
  /** In a sample of pages: expands what its pages did, and the sampling errors of rows. */
  readonly groups?: SampledCounts
  readonly errors?: RowErrors
  readonly #migratedFlow: Float64Array
  readonly #taskStallPs: Float64Array
  /** Stall of each task up to the start of the current epoch. */
  readonly #stallBeforePs: Float64Array
  #criticalStallPs = 0
  readonly #stack = new CostStack()
  /** Faults of each task in the current epoch: their costs are added up when it ends. */
  readonly #pageFaults: Float64Array
  readonly #hintFaults: Float64Array
  /** Promotions of the current epoch that took each stage once, by task and by route: likewise. */
  readonly #promotions: Float64Array
  readonly #promotedFlow: Float64Array
  #promoted = 0
  readonly #total = emptyBin()
  #bin = emptyBin()
  readonly #blocked: BlockedAccesses
  #epochPs = 1
  #ticksInBin = 0
  #endNs = 0
  readonly moves: MoveCounts
  readonly epochRows: Row[] = []
  readonly nodeRows: Row[] = []
  /** Frames of the workload on each node, and those of them that hold copies; pages on all nodes. */
  readonly resident: Float64Array
  readonly copiesOn: Float64Array
  copiesMade = 0
  present = 0
  readonly pingPong: PingPong
  /** Who pays for what the kernel does now: a task index while it handles a fault. */
  payer = NOBODY

  constructor(shape: LedgerShape) {
    this.#shape = shape
    const { machine, actorNode } = shape
    const nodes = machine.nodes.length
    this.#nodes = nodes
    this.traffic = new MemoryTraffic(machine, actorNode, shape.space, shape.load)
    if (shape.sample) {
      this.groups = new SampledCounts(shape.sample, machine, actorNode)
      this.errors = new RowErrors(this.groups, machine)
    }
    this.moves = new MoveCounts(shape.label, machine, this.errors)
    this.#blocked = new BlockedAccesses(shape.actorTask, shape.tasks, shape.sample, this.groups?.waited)
    this.#migratedFlow = new Float64Array(nodes * nodes)
    this.#taskStallPs = new Float64Array(shape.tasks)
    this.#pageFaults = new Float64Array(shape.tasks)
    this.#hintFaults = new Float64Array(shape.tasks)
    this.#promotions = new Float64Array(shape.tasks)
    this.#promotedFlow = new Float64Array(nodes * nodes)
    this.#stallBeforePs = new Float64Array(shape.tasks)
    this.resident = new Float64Array(nodes)
    this.copiesOn = new Float64Array(nodes)
    this.pingPong = new PingPong(shape.pages, nodes, stateIn(shape.space), shape.sample?.standsFor, this.groups?.returned)
  }

  /** A page that was there before the trace began. */
  populated(page: number, node: number): void {
    const pages = this.#standsFor(page)
    this.resident[node]! += pages
    this.present += pages
    this.groups?.populated(page, node)
  }

  /** Pages were moved, copied or given back so many times, several at once counted once. */
  disturbances = 0

  /** Every page that was placed is still there. */
  get isUndisturbed(): boolean {
    return this.disturbances === 0
  }

  /** First touch of a page, or of a sampled one and those that it stands for. */
  pageFault(page: number, task: number, node: number): void {
    const pages = this.#standsFor(page)
    this.#pageFaults[task]! += pages
    this.resident[node]! += pages
    this.present += pages
    this.groups?.pageFault(page, node)
  }

  /** So many pages, each standing for itself. */
  pageFaults(pages: number, task: number, node: number): void {
    this.#pageFaults[task]! += pages
    this.resident[node]! += pages
    this.present += pages
  }

  hintFaults(faults: number, task: number): void {
    this.#hintFaults[task]! += faults
  }

  #standsFor(page: number): number {
    return this.#shape.sample === undefined ? 1 : this.#shape.sample.standsFor[page]!
  }

  /** Pages that the program gave back. */
  freed(node: number, pages: number): void {
    this.disturbances++
    this.resident[node]! -= pages
    this.present -= pages
    this.groups?.freed()
  }

  hintFault(page: number, task: number): void {
    this.#hintFaults[task]! += this.#standsFor(page)
    this.groups?.hintFault(page)
  }

  #chargeFaults(): void {
    const { pageFaultPs, hintFaultPs } = this.#shape.machine.costs
    for (let task = 0; task < this.#pageFaults.length; task++) {
      const pageFaults = this.#pageFaults[task]!
      const hintFaults = this.#hintFaults[task]!
      if (pageFaults + hintFaults === 0) continue
      this.#pageFaults[task] = 0
      this.#hintFaults[task] = 0
      this.#bin.pageFaults += pageFaults
      this.#bin.hintFaults += hintFaults
      this.#bin.hintFaultPs += hintFaults * hintFaultPs
      this.#charge(AT['page fault'], pageFaults * pageFaultPs, task)
      this.#charge(AT['hint fault'], hintFaults * hintFaultPs, task)
    }
  }

  /** One system call that migrates, made by an operator or daemon. */
  migrateCall(): void {
    const cost = this.#shape.machine.costs.migrateCallPs
    this.#bin.migrationPs += cost
    this.#charge(AT['migration: call'], cost, NOBODY)
  }

  /** Frames that hold copies of pages count as pages of the workload on their nodes. */
  copies(node: number, frames: number): void {
    this.disturbances++
    this.resident[node]! += frames
    this.copiesOn[node]! += frames
    if (frames > 0) this.copiesMade += frames
  }

  /** A replica costs what moving the page there costs: all stages, one flush, the copy. */
  replicated(from: number, to: number, pages: number): void {
    const { costs } = this.#shape.machine
    const cost = pages * (Math.round(costs.migratePageFixedPs + costs.copyPsPerKiB * (this.#shape.pageSize / 1024)) + costs.tlbFlushPs)
    this.#bin.migrationPs += cost
    this.#charge(AT.replication, cost, NOBODY)
    this.traffic.copied(from, to, pages)
  }

  /** The first write to a page with copies: a fault on a read-only mapping, and a flush. */
  writeFault(page: number, task: number): void {
    const cost = (this.#shape.machine.costs.pageFaultPs + this.#shape.machine.costs.tlbFlushPs) * this.#standsFor(page)
    this.#bin.migrationPs += cost
    this.#charge(AT['write to copied page'], cost, task)
    this.groups?.writeFault(page)
  }

  scanned(ptes: number): void {
    const cost = ptes * this.#shape.machine.costs.scanPtePs
    this.#bin.observationPs += cost
    this.#charge(AT['pte scanning'], cost, NOBODY)
  }

  sampled(samples: number): void {
    const cost = samples * this.#shape.machine.costs.samplePs
    this.#bin.observationPs += cost
    this.#charge(AT.sampling, cost, NOBODY)
  }

  /** docs/machines.md, costs: fixed cost per folio split by stage, a copy cost per KiB, one flush per batch. */
  migration(record: MigrationRecord): void {
    const { costs } = this.#shape.machine
    const { stages } = record
    const fixed = costs.migratePageFixedPs
    const { stageShares } = costs
    const slots = this.payer === NOBODY ? MIGRATION : PROMOTION
    const total =
      this.#chargeStage(slots.isolate, fixed * stageShares.isolate * stages.isolated) +
      this.#chargeStage(slots.allocate, fixed * stageShares.allocate * stages.allocated) +
      this.#chargeStage(slots.unmap, fixed * stageShares.unmap * (stages.unmapped + stages.retries)) +
      this.#chargeStage(slots.shootdown, costs.tlbFlushPs * stages.tlbFlushes) +
      this.#chargeStage(slots.copy, costs.copyPsPerKiB * ((stages.copiedPages * this.#shape.pageSize) / 1024) + costs.migrateThpPs * stages.copiedThp) +
      this.#chargeStage(slots.remap, fixed * (stageShares.remap * stages.remapped + stageShares.putback * stages.putBack))
    this.#bin.migrationPs += total
    this.groups?.migration(record)
    if (this.payer === NOBODY) this.#blocked.migrated(record, total, this.#epochPs)
    this.#bin.migrated += record.succeeded
    this.#bin.failed += record.failed
    const moves = this.moves.of(record.reason)
    moves.failed += record.failed
    const { data, length } = record.moved
    const nodes = this.#nodes
    // of one folio the route is known; of many the flow says it at once
    if (length === 3) this.#move(moves.flow, data[1]!, data[2]!, record.succeeded)
    else
      for (let route = 0; route < record.flow.length; route++)
        if (record.flow[route]! > 0) this.#move(moves.flow, Math.floor(route / nodes), route % nodes, record.flow[route]!)
    for (let i = 0; i < length; i += 3) this.pingPong.moved(data[i]!, data[i + 1]!, data[i + 2]!)
    for (const { errno, stage, pages } of record.failures) this.moves.fail(record.reason, errno, stage, pages)
  }

  /** As the record of such a call says it: each stage once, for the task that faults. */
  promoted(page: number, from: number, to: number): void {
    this.disturbances++
    this.#promoted++
    this.#promotions[this.payer]!++
    this.#promotedFlow[from * this.#nodes + to]!++
    this.groups?.promoted(page, from, to)
    this.pingPong.moved(page, from, to)
  }

  /** So many of them; `pingPong` is told of each page by the caller. */
  promotedMany(task: number, from: number, to: number, pages: number): void {
    this.disturbances++
    this.#promoted += pages
    this.#promotions[task]! += pages
    this.#promotedFlow[from * this.#nodes + to]! += pages
  }

  #chargePromotions(): void {
    if (this.#promoted === 0) return
    const { costs } = this.#shape.machine
    const { stageShares } = costs
    const fixed = costs.migratePageFixedPs
    const stages: [slot: number, exactPs: number][] = [
      [PROMOTION.isolate, fixed * stageShares.isolate],
      [PROMOTION.allocate, fixed * stageShares.allocate],
      [PROMOTION.unmap, fixed * stageShares.unmap],
      [PROMOTION.shootdown, costs.tlbFlushPs],
      [PROMOTION.copy, costs.copyPsPerKiB * (this.#shape.pageSize / 1024)],
      [PROMOTION.remap, fixed * (stageShares.remap + stageShares.putback)],
    ]
    for (let task = 0; task < this.#promotions.length; task++) {
      const promotions = this.#promotions[task]!
      if (promotions === 0) continue
      this.#promotions[task] = 0
      for (const [slot, exactPs] of stages) {
        const cost = promotions * Math.round(exactPs)
        this.#bin.migrationPs += cost
        this.#charge(slot, cost, task)
      }
    }
    this.#bin.migrated += this.#promoted
    this.#promoted = 0
    const { flow } = this.moves.of('numa_misplaced')
    for (let route = 0; route < flow.length; route++) this.#move(flow, Math.floor(route / this.#nodes), route % this.#nodes, this.#promotedFlow[route]!)
    this.#promotedFlow.fill(0)
  }

  #chargeStage(slot: number, exactPs: number): number {
    const cost = Math.round(exactPs)
    this.#charge(slot, cost, this.payer)
    return cost
  }

  #move(flow: Float64Array, from: number, to: number, pages: number): void {
    if (pages === 0) return
    this.disturbances++
    const route = from * this.#nodes + to
    flow[route]! += pages
    this.#migratedFlow[route]! += pages
    this.traffic.copied(from, to, pages)
    this.resident[from]! -= pages
    this.resident[to]! += pages
  }

  /** Pages that a system call did not even begin to move: shared, isolated by somebody else, not present. */
  refused(errno: string, pages: number): void {
    this.#bin.failed += pages
    this.moves.fail('syscall_or_cpuset', errno, 'refused', pages)
  }

  #charge(slot: number, ps: number, task: number): void {
    this.#stack.add(slot, ps)
    if (task !== NOBODY) this.#taskStallPs[task]! += ps
  }

  /** Turns the counts of the epoch into time; at the end of a bin, into rows. `endNs` since the start of the trace. */
  closeEpoch(endNs: number): void {
    const { actorNode, actorTask, ticksPerBin } = this.#shape
    const { traffic } = this
    const lengthNs = endNs - this.#endNs
    this.#endNs = endNs
    this.#chargePromotions()
    const { local, remote, localPs, remotePs, queueingPs, stretchNs } = traffic.close(lengthNs)
    this.groups?.closeEpoch(traffic)
    const bin = this.#bin
    bin.recordedNs += lengthNs
    bin.stretchNs += stretchNs
    bin.local += local
    bin.remote += remote
    bin.memoryPs += localPs + remotePs + queueingPs
    bin.queueingPs += queueingPs
    this.#charge(AT['local access'], localPs, NOBODY)
    this.#charge(AT['remote access'], remotePs, NOBODY)
    this.#charge(AT.queueing, queueingPs, NOBODY)
    this.#chargeFaults()
    for (let actor = 0; actor < actorNode.length; actor++) this.#taskStallPs[actorTask[actor]!]! += traffic.takeActorPs(actor)
    this.#criticalStallPs += this.#longestStallOfEpoch()
    if (++this.#ticksInBin === ticksPerBin) this.#closeBin(endNs)
  }

  /** An epoch of this length begins. */
  openEpoch(lengthNs: number): void {
    this.#epochPs = Math.max(1, lengthNs) * 1000
  }

  /** Accesses of tick `i` that met pages under migration. */
  settleBlocked(block: TickBlock, i: number): void {
    this.#blocked.settle(block, i, this.#wait)
  }

  readonly #wait = (task: number, ps: number): void => {
    this.#bin.blockedPs += ps
    this.#charge(AT['blocked by migration'], ps, task)
  }

  load(node: number): NodeLoad {
    return this.traffic.load(node)
  }

  #longestStallOfEpoch(): number {
    const stall = this.#taskStallPs
    const before = this.#stallBeforePs
    let longest = 0
    for (let task = 0; task < stall.length; task++) {
      longest = Math.max(longest, stall[task]! - before[task]!)
      before[task] = stall[task]!
    }
    return longest
  }

  #closeBin(endNs: number): void {
    const { machine, label, pageSize } = this.#shape
    const bin = this.#bin
    for (const key of Object.keys(bin) as (keyof Bin)[]) this.#total[key] += bin[key]
    this.groups?.settle()
    const epoch: Row = {
      lane: label,
      time_ns: endNs,
      local: bin.local,
      remote: bin.remote,
      memory_stall_ns: toNs(bin.memoryPs),
      queueing_ns: toNs(bin.queueingPs),
      dilation: bin.recordedNs > 0 ? 1 + bin.stretchNs / bin.recordedNs : 1,
      migrated: bin.migrated,
      migration_failed: bin.failed,
      hint_faults: bin.hintFaults,
      page_faults: bin.pageFaults,
      migration_ns: toNs(bin.migrationPs),
      hint_fault_ns: toNs(bin.hintFaultPs),
      observation_ns: toNs(bin.observationPs),
      blocked_ns: toNs(bin.blockedPs),
    }
    this.errors?.epoch(epoch)
    this.epochRows.push(epoch)
    for (let index = 0; index < this.#nodes; index++) {
      const { id, bytes } = machine.nodes[index]!
      const { accesses_in, accesses_out, latency_ns, bytes: moved, utilisation } = this.traffic.nodeColumns(index)
      const row: Row = {
        lane: label,
        time_ns: endNs,
        node: id,
        pages: this.resident[index]!,
        capacity: Math.floor(bytes / pageSize),
        accesses_in,
        accesses_out,
        latency_ns,
        bytes: moved,
        utilisation,
      }
      this.errors?.node(row, index)
      this.nodeRows.push(row)
    }
    this.moves.closeBin(endNs)
    this.groups?.closeBin()
    this.#bin = emptyBin()
    this.traffic.nextBin()
    this.#ticksInBin = 0
  }

  /** Ends the last bin, however short. */
  finish(endNs: number): LedgerTotals {
    this.#chargePromotions()
    this.#chargeFaults()
    if (this.#ticksInBin > 0 || this.#bin.migrated + this.#bin.failed > 0) this.#closeBin(endNs)
    return {
      ...this.#total,
      taskStallPs: this.#taskStallPs,
      reads: this.traffic.reads,
      writes: this.traffic.writes,
      criticalStallPs: this.#criticalStallPs,
      ...(this.groups && { groups: this.groups.finish(this.traffic) }),
    }
  }

  stackRows(): Row[] {
    return this.#stack.rows(this.#shape.label, this.#shape.machine, this.traffic)
  }

  trafficRows(): Row[] {
    const { machine, label } = this.#shape
    const rows: Row[] = []
    for (let i = 0; i < this.#nodes; i++) {
      for (let j = 0; j < this.#nodes; j++) {
        const { reads, writes, queueing_ns, busiest } = this.traffic.routeColumns(i, j)
        rows.push({
          lane: label,
          from_node: machine.nodes[i]!.id,
          to_node: machine.nodes[j]!.id,
          migrated: this.#migratedFlow[i * this.#nodes + j]!,
          reads,
          writes,
          queueing_ns,
          busiest,
        })
      }
    }
    return rows
  }
}
