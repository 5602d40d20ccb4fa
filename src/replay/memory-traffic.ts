/**
 * Who accessed which memory, and how long that took: counts of the current epoch turned into time by the idle latencies of
 * the machine and, where contention is modelled, by the queueing of the same epoch. All sums are integers.
 */
import type { Machine } from '../machine/index.ts'
import type { NodeLoad } from '../policy/index.ts'
import { LATENCY_BITS, LogLinearHistogram } from '../results/index.ts'
import { PAIR_WORDS } from '../trace/index.ts'
import { type Cells, cellsFor, type Workspace } from '../wasm/index.ts'
import { Contention, type LoadModel } from './contention.ts'

/** What the accesses of one epoch add up to. */
export interface EpochTimes {
  local: number
  remote: number
  /** At idle latency. */
  localPs: number
  remotePs: number
  /** Above it. */
  queueingPs: number
  /** What saturated memory or links add to the recorded length of the epoch. */
  stretchNs: number
}

export class MemoryTraffic {
  readonly #nodes: number
  readonly #actorNode: Uint8Array
  /** Counts of the current epoch by (actor << shift | memory node): kernels add to them, `close` empties them. */
  readonly cells: Cells
  readonly shift: number
  readonly #readPs: Float64Array
  readonly #writePs: Float64Array
  readonly #contention?: Contention
  /** Counts of the current epoch, [actor * nodes + memory node]. */
  readonly #epochReads: Float64Array
  readonly #epochWrites: Float64Array
  /** The same by route, [accessing node * nodes + memory node], and pages copied by [source * nodes + target]. */
  readonly #routeReads: Float64Array
  readonly #routeWrites: Float64Array
  readonly #copied: Float64Array
  /** By route, whole trace. */
  readonly reads: Float64Array
  readonly writes: Float64Array
  readonly #queueingPs: Float64Array
  /** Highest demand on each link in any epoch. */
  readonly #busiest: Float64Array
  /** Latency of accesses, ns. */
  readonly latency = new LogLinearHistogram(LATENCY_BITS)
  /** By memory node, of the last epoch. */
  readonly #served: Float64Array
  readonly #servedPs: Float64Array
  /** By node, of the current time bin. */
  readonly #binIn: Float64Array
  readonly #binOut: Float64Array
  readonly #binServedPs: Float64Array
  readonly #binBytes: Float64Array
  readonly #binBusyNs: Float64Array
  #binNs = 0

  constructor(machine: Machine, actorNode: Uint8Array, space: Workspace, load?: LoadModel) {
    const nodes = machine.nodes.length
    this.shift = Math.ceil(Math.log2(nodes))
    this.cells = cellsFor(actorNode.length, this.shift, space)
    const perRoute = () => new Float64Array(nodes * nodes)
    const perNode = () => new Float64Array(nodes)
    this.#nodes = nodes
    this.#actorNode = actorNode
    this.#readPs = Float64Array.from(machine.readLatencyPs.flat())
    this.#writePs = Float64Array.from(machine.writeLatencyPs.flat())
    if (load) this.#contention = new Contention(machine, load)
    this.#epochReads = new Float64Array(actorNode.length * nodes)
    this.#epochWrites = new Float64Array(actorNode.length * nodes)
    this.#routeReads = perRoute()
    this.#routeWrites = perRoute()
    this.#copied = perRoute()
    this.reads = perRoute()
    this.writes = perRoute()
    this.#queueingPs = perRoute()
    this.#busiest = perRoute()
    this.#served = perNode()
    this.#servedPs = perNode()
    this.#binIn = perNode()
    this.#binOut = perNode()
    this.#binServedPs = perNode()
    this.#binBytes = perNode()
    this.#binBusyNs = perNode()
  }

  /** Pages were copied from one node to another in this epoch. */
  copied(from: number, to: number, pages: number): void {
    this.#copied[from * this.#nodes + to]! += pages
  }

  /** Times the epoch. `takeActorPs` of each actor follows, and leaves the counts empty for the next. */
  close(lengthNs: number): EpochTimes {
    this.#gather()
    this.#sumRoutes()
    const dilation = this.#contend(lengthNs)
    return { ...this.#timeRoutes(), stretchNs: Math.round(lengthNs * (dilation - 1)) }
  }

  /** A tick of so many accesses that cells might overflow is counted one pair after the other. */
  addPairs(pairs: Uint32Array, from: number, to: number, placement: Uint8Array): void {
    for (let k = from * PAIR_WORDS; k < to * PAIR_WORDS; k += PAIR_WORDS) {
      const slot = pairs[k + 1]! * this.#nodes + placement[pairs[k]!]!
      this.#epochReads[slot]! += pairs[k + 2]!
      this.#epochWrites[slot]! += pairs[k + 3]!
    }
  }

  /** Accesses of an actor to a node, however many. */
  add(actor: number, node: number, reads: number, writes: number): void {
    this.#epochReads[actor * this.#nodes + node]! += reads
    this.#epochWrites[actor * this.#nodes + node]! += writes
  }

  /** Reads of an actor that were counted for one node and are served by another. */
  redirect(actor: number, from: number, to: number, reads: number): void {
    this.#epochReads[actor * this.#nodes + from]! -= reads
    this.#epochReads[actor * this.#nodes + to]! += reads
  }

  /** Takes the counts out of both banks of cells. */
  #gather(): void {
    const nodes = this.#nodes
    const { words } = this.cells
    const half = words.length / 2
    for (let actor = 0; actor < this.#actorNode.length; actor++) {
      for (let to = 0; to < nodes; to++) {
        const cell = 2 * ((actor << this.shift) | to)
        this.#epochReads[actor * nodes + to]! += words[cell]! + words[half + cell]!
        this.#epochWrites[actor * nodes + to]! += words[cell + 1]! + words[half + cell + 1]!
      }
    }
    words.fill(0)
  }

  #sumRoutes(): void {
    const nodes = this.#nodes
    this.#routeReads.fill(0)
    this.#routeWrites.fill(0)
    for (let actor = 0; actor < this.#actorNode.length; actor++) {
      const row = this.#actorNode[actor]! * nodes
      for (let to = 0; to < nodes; to++) {
        this.#routeReads[row + to]! += this.#epochReads[actor * nodes + to]!
        this.#routeWrites[row + to]! += this.#epochWrites[actor * nodes + to]!
      }
    }
  }

  #contend(lengthNs: number): number {
    this.#binNs += lengthNs
    const contention = this.#contention
    if (!contention) return 1
    const nodes = this.#nodes
    contention.solve({ reads: this.#routeReads, writes: this.#routeWrites, copiedPages: this.#copied }, lengthNs)
    this.#copied.fill(0)
    for (let node = 0; node < nodes; node++) {
      this.#binBytes[node]! += contention.bytesOf(node)
      this.#binBusyNs[node]! += contention.utilisationOf(node) * lengthNs
    }
    for (let from = 0; from < nodes; from++) {
      for (let to = 0; to < nodes; to++) {
        const route = from * nodes + to
        this.#busiest[route] = Math.max(this.#busiest[route]!, contention.linkUtilisation(from, to))
      }
    }
    return contention.dilation
  }

  #timeRoutes(): Omit<EpochTimes, 'stretchNs'> {
    const nodes = this.#nodes
    const contention = this.#contention
    const times = { local: 0, remote: 0, localPs: 0, remotePs: 0, queueingPs: 0 }
    this.#served.fill(0)
    this.#servedPs.fill(0)
    for (let from = 0; from < nodes; from++) {
      for (let to = 0; to < nodes; to++) {
        const route = from * nodes + to
        const reads = this.#routeReads[route]!
        const writes = this.#routeWrites[route]!
        const accesses = reads + writes
        if (accesses === 0) continue
        const readQueue = contention ? contention.readQueuePs[route]! : 0
        const writeQueue = contention ? contention.writeQueuePs[route]! : 0
        const idlePs = reads * this.#readPs[route]! + writes * this.#writePs[route]!
        const queueingPs = reads * readQueue + writes * writeQueue
        if (reads > 0) this.latency.add(Math.round((this.#readPs[route]! + readQueue) / 1000), reads)
        if (writes > 0) this.latency.add(Math.round((this.#writePs[route]! + writeQueue) / 1000), writes)
        this.reads[route]! += reads
        this.writes[route]! += writes
        this.#queueingPs[route]! += queueingPs
        this.#binIn[to]! += accesses
        this.#binOut[from]! += accesses
        this.#served[to]! += accesses
        this.#servedPs[to]! += idlePs + queueingPs
        this.#binServedPs[to]! += idlePs + queueingPs
        times.queueingPs += queueingPs
        if (from === to) {
          times.local += accesses
          times.localPs += idlePs
        } else {
          times.remote += accesses
          times.remotePs += idlePs
        }
      }
    }
    return times
  }

  /** What the accesses of one actor took in the epoch just closed. */
  takeActorPs(actor: number): number {
    const nodes = this.#nodes
    const contention = this.#contention
    const row = this.#actorNode[actor]! * nodes
    let ps = 0
    for (let to = 0; to < nodes; to++) {
      const slot = actor * nodes + to
      const reads = this.#epochReads[slot]!
      const writes = this.#epochWrites[slot]!
      if (reads === 0 && writes === 0) continue
      this.#epochReads[slot] = 0
      this.#epochWrites[slot] = 0
      ps += reads * this.#readPs[row + to]! + writes * this.#writePs[row + to]!
      if (contention) ps += reads * contention.readQueuePs[row + to]! + writes * contention.writeQueuePs[row + to]!
    }
    return ps
  }

  /** Latency of a read and of a write on a route in the epoch just closed, queueing included. */
  readPs(route: number): number {
    return this.#readPs[route]! + (this.#contention?.readQueuePs[route] ?? 0)
  }

  writePs(route: number): number {
    return this.#writePs[route]! + (this.#contention?.writeQueuePs[route] ?? 0)
  }

  /** The same without load. */
  idleReadPs(route: number): number {
    return this.#readPs[route]!
  }

  idleWritePs(route: number): number {
    return this.#writePs[route]!
  }

  /** How `node` did in the last epoch: what a policy can measure by counters of the memory controllers. */
  load(node: number): NodeLoad {
    const accesses = this.#served[node]!
    const latencyPs = accesses > 0 ? this.#servedPs[node]! / accesses : this.#readPs[node * this.#nodes + node]!
    return { latencyNs: latencyPs / 1000, accesses, utilisation: this.#contention?.utilisationOf(node) ?? 0 }
  }

  /** Columns of the table `nodes` for the current bin. */
  nodeColumns(node: number) {
    const isLoaded = this.#contention !== undefined
    return {
      accesses_in: this.#binIn[node]!,
      accesses_out: this.#binOut[node]!,
      latency_ns: this.#binIn[node]! > 0 ? this.#binServedPs[node]! / this.#binIn[node]! / 1000 : null,
      bytes: isLoaded ? this.#binBytes[node]! : null,
      utilisation: isLoaded && this.#binNs > 0 ? this.#binBusyNs[node]! / this.#binNs : null,
    }
  }

  /** What the accesses of a route would take without load. */
  idlePs(from: number, to: number): number {
    const route = from * this.#nodes + to
    return this.reads[route]! * this.#readPs[route]! + this.writes[route]! * this.#writePs[route]!
  }

  /** Columns of the table `traffic`. */
  routeColumns(from: number, to: number) {
    const route = from * this.#nodes + to
    return {
      reads: this.reads[route]!,
      writes: this.writes[route]!,
      queueing_ns: Math.round(this.#queueingPs[route]! / 1000),
      busiest: this.#contention && from !== to ? this.#busiest[route]! : null,
    }
  }

  nextBin(): void {
    for (const sums of [this.#binIn, this.#binOut, this.#binServedPs, this.#binBytes, this.#binBusyNs]) sums.fill(0)
    this.#binNs = 0
  }
}
