/**
 * The hint faults of a lane whose policy says what they do (HintTally): a kernel sweeps over the faults of a tick, counts those that
 * only count, and lists those that move their page, which another kernel does for all where none can fail. Where a fault may change
 * what later ones do, everything before is told first.
 */
import { ABSENT } from '../kernel/index.ts'
import type { HintTally, HintVerdict } from '../policy/index.ts'
import type { Kernels, Tally, Workspace } from '../wasm/index.ts'
import type { LaneBlock } from './window.ts'

const CODE: Record<HintVerdict, number> = { count: 1, remember: 2, migrate: 3, settle: 4 }
const UNKNOWN = 0
/** More keys than this are not worth their memory: the reaction gets every fault. */
const MOST_KEYS = 1 << 18

export interface TallyHost {
  placement: Uint8Array
  /** A bit by page, as in BitSet. */
  marked: Uint32Array
  /** Handles the fault at touch k, whatever it is: false when the lane ends, as there is no memory for an absent page. */
  take(k: number): boolean
  /** So many hint faults of an actor on pages of a node were counted. */
  counted(actor: number, home: number, faults: number): void
  /** By node: so many pages can go to each and leave each, in any order, without one that fails. */
  mayMigrate(taken: Uint32Array, given: Uint32Array): boolean
  /** So many hint faults of an actor moved pages from `home` to its node. */
  migrated(actor: number, home: number, faults: number): void
  /** A page was moved from a node. */
  moved(page: number, from: number): void
}

export class TalliedFaults {
  readonly #rule: HintTally
  readonly #host: TallyHost
  readonly #kernels: Kernels
  readonly #space: Workspace
  readonly #tally: Tally
  /** By node: pages that come and go when all that are listed move. */
  readonly #taken: Uint32Array
  readonly #given: Uint32Array
  /** Where each of the pages just moved was. */
  #from: Uint8Array
  #version = -1

  /** Undefined where there would be too many keys. `actorNode`: node of each actor's cpu. */
  static for(rule: HintTally, host: TallyHost, actorNode: Uint8Array, nodes: number, space: Workspace): TalliedFaults | undefined {
    const actors = actorNode.length
    const shift = Math.ceil(Math.log2(nodes))
    const keys = (actors * (actors + 1)) << shift
    return keys <= MOST_KEYS ? new TalliedFaults(rule, host, actorNode, nodes, space) : undefined
  }

  private constructor(rule: HintTally, host: TallyHost, actorNode: Uint8Array, nodes: number, space: Workspace) {
    const { kernels, u8, u32 } = space
    const actors = actorNode.length
    const shift = Math.ceil(Math.log2(nodes))
    const keys = (actors * (actors + 1)) << shift
    this.#rule = rule
    this.#host = host
    this.#kernels = kernels
    this.#space = space
    const target = u8(actors)
    target.set(actorNode)
    const counts = { counts: u32(keys), keys: u32(keys + 1), moves: u32(keys), moveKeys: u32(keys + 1), lengths: u32(3) }
    this.#tally = { actors, shift, last: rule.last, ready: u8(actors), verdicts: u8(keys), target, ...counts }
    this.#taken = new Uint32Array(nodes)
    this.#given = new Uint32Array(nodes)
    this.#from = u8(0)
  }

  /** The first `faults` touches of the block's list; false when the lane ends. */
  take(block: LaneBlock, faults: number): boolean {
    const { placement, marked } = this.#host
    const { touchPage, faulting } = block
    this.#refresh()
    for (let next = 0; next < faults; ) {
      next = this.#kernels.tallyFaults(block, next, faults, placement, marked, this.#tally, faulting)
      const left = this.#tally.lengths[0]!
      if (!this.#migrateTogether(block, left)) for (let f = 0; f < left; f++) this.#host.take(faulting[f]!)
      if (next === faults) break
      const k = faulting[next]!
      const actor = block.touchActor[k]!
      const { ready, verdicts, last } = this.#tally
      const page = touchPage[k]!
      const home = placement[page]!
      if (home === ABSENT) {
        next++
        if (this.#host.take(k)) continue
        this.#tell()
        return false
      }
      const key = this.#keyOf(actor, last[page]!, home)
      if (ready[actor] === 1 && verdicts[key] === UNKNOWN) verdicts[key] = CODE[this.#rule.verdict(actor, last[page]!, home)]
      if (ready[actor] === 1 && verdicts[key] !== CODE.settle) continue
      this.#tell()
      this.#host.take(k)
      next++
      this.#refresh()
    }
    this.#tell()
    return true
  }

  /** Moves the pages of the first `left` faults of the list. False where one of them may fail: nothing was done. */
  #migrateTogether(block: LaneBlock, left: number): boolean {
    const { moves, moveKeys, lengths } = this.#tally
    const keys = moveKeys.subarray(0, lengths[2]!)
    const areAll = left > 0 && this.#mayMigrate(keys)
    if (areAll) {
      const { placement, marked, moved } = this.#host
      if (left > this.#from.length) this.#from = this.#space.u8(2 * left)
      this.#kernels.moveFaults(block, left, placement, marked, this.#tally, block.faulting, this.#from)
      for (let f = 0; f < left; f++) moved(block.faulting[f]!, this.#from[f]!)
    }
    for (const key of keys) {
      if (areAll) {
        const [actor, before, home] = this.#partsOf(key)
        this.#host.migrated(actor, home, moves[key]!)
        this.#rule.migrated(actor, before, home, moves[key]!)
      }
      moves[key] = 0
    }
    return areAll
  }

  #mayMigrate(keys: Uint32Array): boolean {
    const { moves, target } = this.#tally
    this.#taken.fill(0)
    this.#given.fill(0)
    for (const key of keys) {
      const [actor, , home] = this.#partsOf(key)
      this.#taken[target[actor]!]! += moves[key]!
      this.#given[home]! += moves[key]!
    }
    return this.#host.mayMigrate(this.#taken, this.#given)
  }

  #keyOf(actor: number, last: number, home: number): number {
    const { actors, shift } = this.#tally
    return ((actor * (actors + 1) + Math.min(last, actors)) << shift) | home
  }

  #partsOf(key: number): [actor: number, last: number, home: number] {
    const { actors, shift } = this.#tally
    return [Math.floor((key >>> shift) / (actors + 1)), (key >>> shift) % (actors + 1), key & ((1 << shift) - 1)]
  }

  /** Whose faults can be counted, and by which verdicts. */
  #refresh(): void {
    const { actors, ready, verdicts } = this.#tally
    for (let actor = 0; actor < actors; actor++) ready[actor] = this.#rule.isDue(actor) ? 0 : 1
    if (this.#version === this.#rule.version()) return
    this.#version = this.#rule.version()
    verdicts.fill(UNKNOWN)
  }

  /** Tells what was counted. */
  #tell(): void {
    const { keys, counts, lengths } = this.#tally
    for (let n = 0; n < lengths[1]!; n++) {
      const key = keys[n]!
      const [actor, before, home] = this.#partsOf(key)
      this.#host.counted(actor, home, counts[key]!)
      this.#rule.counted(actor, before, home, counts[key]!)
      counts[key] = 0
    }
    lengths[1] = 0
  }
}
