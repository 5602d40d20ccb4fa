/**
 * Loaded latency: what queueing at memory controllers and links adds to the idle latency of an access, from the traffic of
 * its own epoch (docs/latency-model.md has the derivation and the fits).
 *
 *   u      = B / (s C(r))              r = read share of the bytes, C(r) = C (1 - 0.25 (1 - r))
 *   Q_x    = min(a L0_x u/(1-u), (sat - 1) L0_x)      for a controller L0_x is its local latency, for a link what it adds
 *   L      = L0[from][to] + Q_controller(to) + Q_link(from, to)
 *
 * Trace times stand, so traffic and latency meet in two rounds: demand over the recorded length of the epoch; where it is
 * more than s C, the epoch is stretched until the busiest resource carries exactly C (which then charges its plateau), and
 * all other resources see the slower demand.
 */
import type { LoadCurve, Machine } from '../machine/index.ts'

/** A store moves a line twice, fill and write-back. */
const WRITE_PENALTY = 0.25

/** The machine's curves and what one access of the trace moves. */
export interface LoadModel {
  curve: LoadCurve
  /** A cache line for traffic that left the caches; for a stream of every load and store the mean size of an access. */
  bytesPerAccess: number
  pageSize: number
}

/** What an epoch did, by route [accessing node * nodes + memory node]; copied pages by [source * nodes + target]. */
export interface EpochTraffic {
  reads: Float64Array
  writes: Float64Array
  copiedPages: Float64Array
}

export class Contention {
  readonly #model: LoadModel
  readonly #nodes: number
  /** Controllers first, then links by route. */
  readonly #resources: number
  readonly #idlePs: Float64Array
  readonly #bytesPerSecond: Float64Array
  readonly #readBytes: Float64Array
  readonly #writeBytes: Float64Array
  readonly #demand: Float64Array
  readonly #queuePs: Float64Array
  /** Share of a store's latency that is charged, by route. */
  readonly #writeCharge: Float64Array
  /** Results of the last epoch: extra picoseconds of a read and of a write by route. */
  readonly readQueuePs: Float64Array
  readonly writeQueuePs: Float64Array
  /** Length of the epoch over its recorded length: 1, or how much more was asked for than the busiest resource carries. */
  dilation = 1

  constructor(machine: Machine, model: LoadModel) {
    const nodes = machine.nodes.length
    const { readLatencyPs, writeLatencyPs } = machine
    this.#model = model
    this.#nodes = nodes
    this.#resources = nodes + nodes * nodes
    this.#idlePs = new Float64Array(this.#resources)
    this.#bytesPerSecond = new Float64Array(this.#resources)
    this.#writeCharge = new Float64Array(nodes * nodes)
    for (let i = 0; i < nodes; i++) {
      this.#idlePs[i] = readLatencyPs[i]![i]!
      this.#bytesPerSecond[i] = model.curve.nodeBytesPerSecond[i]!
      for (let j = 0; j < nodes; j++) {
        this.#idlePs[this.#link(i, j)] = Math.max(0, readLatencyPs[i]![j]! - readLatencyPs[j]![j]!)
        this.#bytesPerSecond[this.#link(i, j)] = linkBytesPerSecond(machine, model.curve, i, j)
        this.#writeCharge[i * nodes + j] = writeLatencyPs[i]![j]! / readLatencyPs[i]![j]!
      }
    }
    this.#readBytes = new Float64Array(this.#resources)
    this.#writeBytes = new Float64Array(this.#resources)
    this.#demand = new Float64Array(this.#resources)
    this.#queuePs = new Float64Array(this.#resources)
    this.readQueuePs = new Float64Array(nodes * nodes)
    this.writeQueuePs = new Float64Array(nodes * nodes)
  }

  /** The link that carries data from the memory of `j` towards the cpus of `i`. */
  #link(i: number, j: number): number {
    return this.#nodes + i * this.#nodes + j
  }

  /** Bytes that passed the memory controller of `node` in the last epoch. */
  bytesOf(node: number): number {
    return this.#readBytes[node]! + this.#writeBytes[node]!
  }

  /** Demand of the last epoch as a share of what the controller of `node` carries; above 1 the epoch was stretched. */
  utilisationOf(node: number): number {
    return this.#demand[node]!
  }

  linkUtilisation(from: number, to: number): number {
    return this.#demand[this.#link(from, to)]!
  }

  /** Works out queueing and dilation of an epoch of `lengthNs` recorded nanoseconds. */
  solve(traffic: EpochTraffic, lengthNs: number): void {
    this.#countBytes(traffic)
    this.#stretch(lengthNs)
    this.#queue()
  }

  #countBytes({ reads, writes, copiedPages }: EpochTraffic): void {
    const nodes = this.#nodes
    const { bytesPerAccess, pageSize } = this.#model
    const read = this.#readBytes.fill(0)
    const write = this.#writeBytes.fill(0)
    for (let i = 0; i < nodes; i++) {
      for (let j = 0; j < nodes; j++) {
        const route = i * nodes + j
        const filled = (reads[route]! + writes[route]!) * bytesPerAccess
        const writtenBack = writes[route]! * bytesPerAccess
        read[j]! += filled
        write[j]! += writtenBack
        if (i === j) continue
        read[this.#link(i, j)]! += filled
        read[this.#link(j, i)]! += writtenBack
        // A copy reads at its source, crosses the link, and writes at its target
        const copied = copiedPages[route]! * pageSize
        read[i]! += copied
        write[j]! += copied
        read[this.#link(j, i)]! += copied
      }
    }
  }

  /** First round: demand over the recorded time. A link is one-directional, so what it carries counts as read. */
  #stretch(lengthNs: number): void {
    const { headroom } = this.#model.curve
    this.dilation = 1
    for (let x = 0; x < this.#resources; x++) {
      const bytes = this.#readBytes[x]! + this.#writeBytes[x]!
      if (bytes === 0 || lengthNs <= 0) {
        this.#demand[x] = 0
        continue
      }
      const capacity = this.#bytesPerSecond[x]! * (1 - WRITE_PENALTY * (this.#writeBytes[x]! / bytes))
      const demand = (bytes * 1e9) / lengthNs / capacity
      this.#demand[x] = demand
      if (demand > headroom && demand > this.dilation) this.dilation = demand
    }
  }

  /** Second round: every resource under the demand of the stretched epoch. */
  #queue(): void {
    const { a, headroom, saturation } = this.#model.curve
    const nodes = this.#nodes
    for (let x = 0; x < this.#resources; x++) {
      const most = (saturation - 1) * this.#idlePs[x]!
      const u = this.#demand[x]! / this.dilation / headroom
      const isBusiest = this.dilation > 1 && this.#demand[x] === this.dilation
      this.#queuePs[x] = isBusiest || u >= 1 ? most : Math.min((a * this.#idlePs[x]! * u) / (1 - u), most)
    }
    for (let i = 0; i < nodes; i++) {
      for (let j = 0; j < nodes; j++) {
        const route = i * nodes + j
        const ps = Math.round(this.#queuePs[j]! + (i === j ? 0 : this.#queuePs[this.#link(i, j)]!))
        this.readQueuePs[route] = ps
        this.writeQueuePs[route] = Math.round(ps * this.#writeCharge[route]!)
      }
    }
  }
}

/** Memory without cpus was only measured from elsewhere: its link counts the same in both directions. */
function linkBytesPerSecond({ nodes }: Machine, { linkBytesPerSecond }: LoadCurve, i: number, j: number): number {
  const [from, to] = nodes[i]!.cpus.length > 0 ? [i, j] : [j, i]
  return linkBytesPerSecond[from!]![to!]!
}
