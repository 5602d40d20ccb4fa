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
  /** So many hint faults of an actor on pages of a node were counted. */
  counted(actor: number, home: number, faults: number): void
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
  /** By actor × (actors + 1) + last. */
  readonly #actorOf: Uint16Array
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
    this.#actorOf = Uint16Array.from({ length: actors * (actors + 1) }, (_, pair) => Math.floor(pair / (actors + 1)))
    this.#sums = new HintSums({ actors, shift }, rule)
    this.#sumsOfMoves = new HintSums({ actors, shift }, rule)
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
      this.#refresh()
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
    const tally = this.#tally
    const { keys, counts, lengths, verdicts } = tally
    const faults = this.#kernels.countTouched(touched, placement, marked, tally, faulting)
    const known = lengths[1]!
    lengths[1] = 0
    const moveKeys = this.#movesAmong(known)
    const areIndependent = moveKeys !== undefined && this.#mayMigrate(moveKeys, counts)
    let changes = false
    let moves = 0
    for (let n = 0; n < known; n++) {
      const key = keys[n]!
      const verdict = verdicts[key]!
      const count = counts[key]!
      counts[key] = 0
      changes ||= verdict !== CODE.count
      if (!areIndependent) continue
      if (verdict !== CODE.migrate) this.#sums.add(key, count)
      else {
        this.#sumsOfMoves.add(key, count)
        moves += count
      }
    }
    if (!areIndependent) return false
    this.#kernels.unmarkTouched(touched, marked)
    if (changes) this.#kernels.settleTouched(faulting, faults, placement, tally, this.#roomFrom(moves))
    if (moves > 0) moved(faulting, this.#from, moves)
    this.#tellMoves()
    this.#tellSums()
    return true
  }

  /** Keys with counts whose faults move their pages. Undefined where somebody whose faults were counted is due, or one of them is to be settled. */
  #movesAmong(known: number): Uint32Array | undefined {
    const { shift, keys, moveKeys, ready } = this.#tally
    const actorOf = this.#actorOf
    let n = 0
    for (let k = 0; k < known; k++) {
      const key = keys[k]!
      if (ready[actorOf[key >>> shift]!] === 0) return undefined
      const verdict = this.#verdictOf(key)
      if (verdict === CODE.settle) return undefined
      if (verdict === CODE.migrate) moveKeys[n++] = key
    }
    return moveKeys.subarray(0, n)
  }

  /** All pages of so many faults of these keys can move. */
  #mayMigrate(keys: Uint32Array, faults: Uint32Array): boolean {
    if (keys.length === 0) return true
    const { shift, target } = this.#tally
    this.#taken.fill(0)
    this.#given.fill(0)
    for (let n = 0; n < keys.length; n++) {
      const key = keys[n]!
      this.#taken[target[this.#actorOf[key >>> shift]!]!]! += faults[key]!
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
    const actor = this.#actorOf[key >>> shift]!
    const last = (key >>> shift) - actor * (actors + 1)
    const verdict = CODE[this.#rule.verdict(actor, last, key & ((1 << shift) - 1))]
    verdicts[key] = verdict
    return verdict
  }

  /** Whose faults can be counted, and by which verdicts. */
  #refresh(): void {
    const { actors, ready, verdicts } = this.#tally
    this.#due = 0
    for (let actor = 0; actor < actors; actor++) {
      const isDue = this.#rule.isDue(actor)
      ready[actor] = isDue ? 0 : 1
      if (isDue) this.#due++
    }
    if (this.#version === this.#rule.version()) return
    this.#version = this.#rule.version()
    verdicts.fill(UNKNOWN)
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
    this.#sums.tell((actor, last, home, faults) => {
      this.#host.counted(actor, home, faults)
      this.#rule.counted(actor, last, home, faults)
    })
  }

  #tellMoves(): void {
    this.#sumsOfMoves.tell((actor, last, home, faults) => {
      this.#host.migrated(actor, home, faults)
      this.#rule.migrated(actor, last, home, faults)
    })
  }
}
