/**
 * The hint faults of a lane whose policy says what they do (HintTally): a kernel sweeps over the faults of a tick, counts those that
 * only count, and lists those that move their page, which another kernel does for all where none can fail. Where a fault may change
 * what later ones do, everything before is told first. Once no fault of a tick can, the rest is taken in order of pages.
 */
import { ABSENT } from '../kernel/index.ts'
import type { HintTally, HintVerdict } from '../policy/index.ts'
import type { Kernels, Tally, TouchedPages, Workspace } from '../wasm/index.ts'
import { HintSums } from './hint-sums.ts'
import { touchedIn } from './page-order.ts'
import type { LaneBlock } from './window.ts'

const CODE: Record<HintVerdict, number> = { count: 1, remember: 2, migrate: 3, settle: 4 }
const UNKNOWN = 0
/** More keys than this are not worth their memory: the reaction gets every fault. */
const MOST_KEYS = 1 << 18
/** Touches of a tick that are taken in turn before the rest is looked at in order of pages; then twice as many. */
const FIRST_TOUCHES = 32
/** How often it is looked at in a tick, if in vain. */
const MOST_LOOKS = 2

export interface TallyHost {
  placement: Uint8Array
  /** A bit by page, as in BitSet. */
  marked: Uint32Array
  /** Lists those of touches [from, to) that fault in `block.faulting`; `arePlaced`: all of their pages are there. Answers how many. */
  find(block: LaneBlock, from: number, to: number, arePlaced: boolean): number
  /** Handles the fault at touch k, whatever it is: false when the lane ends, as there is no memory for an absent page. */
  take(k: number): boolean
  /** So many hint faults of an actor were counted. */
  counted(actor: number, faults: number): void
  /** As many as were counted together, and those of them on pages of the node that they came from. */
  took(faults: number, local: number): void
  /** By node: so many pages can go to each and leave each, in any order, without one that fails. */
  mayMigrate(taken: Uint32Array, given: Uint32Array): boolean
  /** So many hint faults of an actor moved pages from `home` to its node. */
  migrated(actor: number, home: number, faults: number): void
  /** The first n of these pages were moved, each from a node of `from`. */
  moved(pages: Uint32Array, from: Uint8Array, n: number): void
}

export class TalliedFaults {
  readonly #rule: HintTally
  readonly #host: TallyHost
  readonly #kernels: Kernels
  readonly #space: Workspace
  readonly #tally: Tally
  readonly #sums: HintSums
  readonly #sumsOfMoves: HintSums
  /** By node: pages that come and go when all that are listed move. */
  readonly #taken: Uint32Array
  readonly #given: Uint32Array
  /** Where each of the pages just moved was. */
  #from: Uint8Array
  #version = -1
  /** Actors that are not ready, and faults that the reaction got. */
  #due = 0
  #reactions = 0

  /** Undefined where there would be too many keys. `actorNode`: node of each actor's cpu. */
  static for(rule: HintTally, host: TallyHost, actorNode: Uint8Array, nodes: number, space: Workspace): TalliedFaults | undefined {
    const actors = actorNode.length
    const shift = Math.ceil(Math.log2(nodes))
    const keys = (actors * (actors + 1)) << shift
    return keys <= MOST_KEYS ? new TalliedFaults(rule, host, actorNode, nodes, space) : undefined
  }

  private constructor(rule: HintTally, host: TallyHost, actorNode: Uint8Array, nodes: number, space: Workspace) {
    const { kernels, u8, u16, u32 } = space
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
    const actorOf = u16(actors * (actors + 1))
    for (let actor = 0; actor < actors; actor++) actorOf.fill(actor, actor * (actors + 1), (actor + 1) * (actors + 1))
    this.#tally = { actors, shift, last: rule.last, ready: u8(actors).fill(1), actorOf, verdicts: u8(keys), target, ...counts }
    this.#sums = new HintSums({ actors, shift }, rule, space)
    this.#sumsOfMoves = new HintSums({ actors, shift }, rule, space)
    this.#taken = new Uint32Array(nodes)
    this.#given = new Uint32Array(nodes)
    this.#from = u8(0)
  }

  /** Takes the faults of tick `i`; `arePlaced`: all of its pages are there. False when the lane ends. */
  take(block: LaneBlock, i: number, arePlaced: boolean): boolean {
    const to = block.touchStart[i + 1]!
    let at = block.touchStart[i]!
    const touched = arePlaced && block.order ? touchedIn(block.order, block, i) : undefined
    // mostly the next fault of each actor is due: a few touches, and nobody's is
    for (let some = FIRST_TOUCHES, looks = 0; touched !== undefined && looks < MOST_LOOKS && at < to; some *= 2) {
      const end = Math.min(to, at + some)
      const before = this.#reactions
      if (!this.#takeInTurn(block, this.#host.find(block, at, end, true))) return false
      at = end
      if (this.#due > 0 && this.#reactions > before) continue
      if (this.#takeTogether(block, touched)) return true
      looks++
    }
    return at === to || this.#takeInTurn(block, this.#host.find(block, at, to, arePlaced))
  }

  /** The first `faults` touches of the block's list. */
  #takeInTurn(block: LaneBlock, faults: number): boolean {
    const { placement, marked } = this.#host
    const { touchPage, faulting } = block
    this.#refresh()
    for (let next = 0; next < faults; ) {
      next = this.#kernels.tallyFaults(block, next, faults, placement, marked, this.#tally, faulting)
      const left = this.#tally.lengths[0]!
      if (left > 0 && !this.#migrateTogether(block, left)) for (let f = 0; f < left; f++) this.#host.take(faulting[f]!)
      if (next === faults) break
      const k = faulting[next]!
      const actor = block.touchActor[k]!
      const { ready, last } = this.#tally
      const page = touchPage[k]!
      const home = placement[page]!
      if (home === ABSENT) {
        next++
        if (this.#host.take(k)) continue
        this.#tell()
        return false
      }
      if (ready[actor] === 1 && this.#verdictOf(this.#keyOf(actor, last[page]!, home)) !== CODE.settle) continue
      this.#tell()
      this.#host.take(k)
      this.#reactions++
      next++
      this.#askIsDue(actor)
      this.#followVersion()
    }
    this.#tell()
    return true
  }

  /** Moves the pages of the first `left` faults of the list. False where one of them may fail: nothing was done. */
  #migrateTogether(block: LaneBlock, left: number): boolean {
    const { moves, moveKeys, lengths } = this.#tally
    const keys = moveKeys.subarray(0, lengths[2]!)
    const areAll = this.#mayMigrate(keys, moves)
    if (areAll) {
      const { placement, marked, moved } = this.#host
      this.#kernels.moveFaults(block, left, placement, marked, this.#tally, block.faulting, this.#roomFrom(left))
      moved(block.faulting, this.#from, left)
      for (let n = 0; n < keys.length; n++) this.#sumsOfMoves.add(keys[n]!, moves[keys[n]!]!)
      this.#tellMoves()
    }
    for (let n = 0; n < keys.length; n++) moves[keys[n]!] = 0
    return areAll
  }

  #roomFrom(pages: number): Uint8Array {
    if (pages >= this.#from.length) this.#from = this.#space.u8(2 * pages + 1)
    return this.#from
  }

  /** All faults of the tick that are left, in order of pages. False where one of them may change what others do: nothing was done. */
  #takeTogether({ faulting }: LaneBlock, touched: TouchedPages): boolean {
    const { placement, marked, moved } = this.#host
    const kernels = this.#kernels
    const tally = this.#tally
    const faults = kernels.countTouched(touched, placement, marked, tally, faulting)
    if (!this.#areIndependent()) return false
    kernels.unmarkTouched(touched, marked)
    const left = kernels.settleTouched(faulting, faults, placement, tally, this.#roomFrom(faults))
    if (left > 0) moved(faulting, this.#from, left)
    this.#tellMoves()
    this.#tellSums()
    return true
  }

  /** The faults that were counted are summed, unless somebody among them is due, or one is to be settled, or cannot move its page. */
  #areIndependent(): boolean {
    const { keys, counts, moveKeys, lengths, ready, actorOf, shift } = this.#tally
    const known = lengths[1]!
    lengths[1] = 0
    const asked = moveKeys.subarray(0, this.#kernels.keysToAsk(this.#tally, known, moveKeys))
    if (asked.some((key) => ready[actorOf[key >>> shift]!] === 0 || this.#verdictOf(key) === CODE.settle)) {
      for (const key of keys.subarray(0, known)) counts[key] = 0
      return false
    }
    const [sums, moves] = [this.#sums, this.#sumsOfMoves]
    this.#kernels.sumKeys(this.#tally, known, sums.all, moves.all)
    if (this.#mayMigrate(moves.keys, moves.all.faults)) return true
    sums.clear()
    moves.clear()
    return false
  }

  /** All pages of so many faults of these keys can move. */
  #mayMigrate(keys: Uint32Array, faults: Uint32Array): boolean {
    if (keys.length === 0) return true
    const { shift, target } = this.#tally
    this.#taken.fill(0)
    this.#given.fill(0)
    for (let n = 0; n < keys.length; n++) {
      const key = keys[n]!
      this.#taken[target[this.#tally.actorOf[key >>> shift]!]!]! += faults[key]!
      this.#given[key & ((1 << shift) - 1)]! += faults[key]!
    }
    return this.#host.mayMigrate(this.#taken, this.#given)
  }

  #keyOf(actor: number, last: number, home: number): number {
    const { actors, shift } = this.#tally
    return ((actor * (actors + 1) + Math.min(last, actors)) << shift) | home
  }

  /** Asks for it where it is not known. */
  #verdictOf(key: number): number {
    const { actors, shift, verdicts } = this.#tally
    const known = verdicts[key]!
    if (known !== UNKNOWN) return known
    const actor = this.#tally.actorOf[key >>> shift]!
    const last = (key >>> shift) - actor * (actors + 1)
    const verdict = CODE[this.#rule.verdict(actor, last, key & ((1 << shift) - 1))]
    verdicts[key] = verdict
    return verdict
  }

  /** Whose faults can be counted, and by which verdicts. */
  #refresh(): void {
    for (let actor = 0; actor < this.#tally.actors; actor++) this.#askIsDue(actor)
    this.#followVersion()
  }

  #askIsDue(actor: number): void {
    const { ready } = this.#tally
    const isReady = this.#rule.isDue(actor) ? 0 : 1
    this.#due += ready[actor]! - isReady
    ready[actor] = isReady
  }

  #followVersion(): void {
    if (this.#version === this.#rule.version()) return
    this.#version = this.#rule.version()
    this.#tally.verdicts.fill(UNKNOWN)
  }

  /** Tells what was counted. */
  #tell(): void {
    const { keys, counts, lengths } = this.#tally
    for (let n = 0; n < lengths[1]!; n++) {
      this.#sums.add(keys[n]!, counts[keys[n]!]!)
      counts[keys[n]!] = 0
    }
    lengths[1] = 0
    this.#tellSums()
  }

  #tellSums(): void {
    const { target } = this.#tally
    let all = 0
    let local = 0
    this.#sums.tell((actor, last, home, faults) => {
      all += faults
      if (home === target[actor]) local += faults
      this.#host.counted(actor, faults)
      this.#rule.counted(actor, last, home, faults)
    })
    if (all > 0) this.#host.took(all, local)
  }

  #tellMoves(): void {
    this.#sumsOfMoves.tell((actor, last, home, faults) => {
      this.#host.migrated(actor, home, faults)
      this.#rule.migrated(actor, last, home, faults)
    })
  }
}
