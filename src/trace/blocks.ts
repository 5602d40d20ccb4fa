/** Ticks gathered into blocks: the columns of TickBlock, on shared memory so that worker threads read them in place. */
import { PAIR_WORDS, type TickBlock } from './prepared.ts'

/** A block ends at the tick that fills it to this many rows (some 3 MB decoded): what is in memory at one time. */
export const BLOCK_ROWS = 1 << 18

/** Columns of one tick. */
export type TickColumns = Pick<TickBlock, 'pairs' | 'touchPage' | 'touchActor' | 'touchIsWrite' | 'touchOffsetNs'>

export class BlockBuilder {
  readonly #emit: (block: TickBlock) => void
  readonly #blockRows: number
  #firstTick = 0
  #ticks = 0
  #pairs = 0
  #touches = 0
  #startNs = new Float64Array(256)
  #pairStart = new Uint32Array(257)
  #touchStart = new Uint32Array(257)
  #pairWords = new Uint32Array(4096 * PAIR_WORDS)
  #touchPage = new Uint32Array(4096)
  #touchActor = new Uint16Array(4096)
  #touchIsWrite = new Uint8Array(4096)
  #touchOffset = new Uint32Array(4096)

  /** `emit` receives each finished block; its columns are used again for the next (`kept` makes a copy). */
  constructor(emit: (block: TickBlock) => void, blockRows = BLOCK_ROWS) {
    this.#emit = emit
    this.#blockRows = blockRows
  }

  get ticks(): number {
    return this.#firstTick + this.#ticks
  }

  /** Appends a tick: its pairs in order, its touches in order of time. */
  tick(startNs: number, { pairs, touchPage, touchActor, touchIsWrite, touchOffsetNs }: TickColumns): void {
    if (this.#ticks > 0 && this.#pairs + this.#touches >= this.#blockRows) this.finish(startNs)
    if (this.#ticks + 1 >= this.#startNs.length) this.#moreTicks()
    this.#startNs[this.#ticks] = startNs
    this.#reserve(this.#pairs + pairs.length / PAIR_WORDS, this.#touches + touchPage.length)
    this.#pairWords.set(pairs, this.#pairs * PAIR_WORDS)
    this.#touchPage.set(touchPage, this.#touches)
    this.#touchActor.set(touchActor, this.#touches)
    this.#touchIsWrite.set(touchIsWrite, this.#touches)
    this.#touchOffset.set(touchOffsetNs, this.#touches)
    this.#pairs += pairs.length / PAIR_WORDS
    this.#touches += touchPage.length
    this.#ticks++
    this.#pairStart[this.#ticks] = this.#pairs
    this.#touchStart[this.#ticks] = this.#touches
  }

  /** A tick that is a block, emitted as it is: nothing of it is copied here. */
  alone(startNs: number, endNs: number, columns: TickColumns): void {
    const firstTick = this.elsewhere(startNs)
    const [pairs, touches] = [columns.pairs.length / PAIR_WORDS, columns.touchPage.length]
    const bounds = { startNs: Float64Array.of(startNs, endNs), pairStart: Uint32Array.of(0, pairs), touchStart: Uint32Array.of(0, touches) }
    this.#emit({ firstTick, ticks: 1, ...bounds, ...columns })
  }

  /** Numbers a tick, which begins here, that goes into a block of its own, made elsewhere. */
  elsewhere(startNs: number): number {
    this.finish(startNs)
    return this.#firstTick++
  }

  /** Emits what is gathered; `endNs` is the end of its last tick. */
  finish(endNs: number): void {
    if (this.#ticks === 0) return
    const ticks = this.#ticks
    this.#startNs[ticks] = endNs
    this.#emit({
      firstTick: this.#firstTick,
      ticks,
      startNs: this.#startNs.subarray(0, ticks + 1),
      pairStart: this.#pairStart.subarray(0, ticks + 1),
      pairs: this.#pairWords.subarray(0, this.#pairs * PAIR_WORDS),
      touchStart: this.#touchStart.subarray(0, ticks + 1),
      touchPage: this.#touchPage.subarray(0, this.#touches),
      touchActor: this.#touchActor.subarray(0, this.#touches),
      touchIsWrite: this.#touchIsWrite.subarray(0, this.#touches),
      touchOffsetNs: this.#touchOffset.subarray(0, this.#touches),
    })
    this.#firstTick += ticks
    this.#ticks = 0
    this.#pairs = 0
    this.#touches = 0
  }

  /** Lets go of its memory; nothing can be appended afterwards. */
  close(): void {
    this.#pairWords = new Uint32Array(0)
    this.#touchPage = new Uint32Array(0)
    this.#touchActor = new Uint16Array(0)
    this.#touchIsWrite = new Uint8Array(0)
    this.#touchOffset = new Uint32Array(0)
  }

  #reserve(pairs: number, touches: number): void {
    if (pairs * PAIR_WORDS > this.#pairWords.length) {
      const size = this.#roomFor(pairs, this.#pairWords.length / PAIR_WORDS)
      this.#pairWords = wider(this.#pairWords, new Uint32Array(size * PAIR_WORDS))
    }
    if (touches > this.#touchPage.length) {
      const size = this.#roomFor(touches, this.#touchPage.length)
      this.#touchPage = wider(this.#touchPage, new Uint32Array(size))
      this.#touchActor = wider(this.#touchActor, new Uint16Array(size))
      this.#touchIsWrite = wider(this.#touchIsWrite, new Uint8Array(size))
      this.#touchOffset = wider(this.#touchOffset, new Uint32Array(size))
    }
  }

  /**
   * Rows to make room for: twice as many, and soon a whole block, of which only what is written takes memory. Smaller columns that
   * were outgrown would wait for the garbage collector.
   */
  #roomFor(rows: number, before: number): number {
    const doubled = Math.max(rows, 2 * before)
    const whole = this.#blockRows + (this.#blockRows >>> 2)
    return doubled < whole && doubled >= this.#blockRows / 16 ? whole : doubled
  }

  #moreTicks(): void {
    const size = this.#startNs.length * 2
    this.#startNs = wider(this.#startNs, new Float64Array(size))
    this.#pairStart = wider(this.#pairStart, new Uint32Array(size + 1))
    this.#touchStart = wider(this.#touchStart, new Uint32Array(size + 1))
  }
}

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array

function wider<A extends Column>(from: A, to: A): A {
  to.set(from)
  return to
}

/** A copy of a block on shared memory. */
export function kept(block: TickBlock): TickBlock {
  const { firstTick, ticks, startNs, pairStart, pairs, touchStart, touchPage, touchActor, touchIsWrite, touchOffsetNs } = block
  return {
    firstTick,
    ticks,
    startNs: shared(startNs),
    pairStart: shared(pairStart),
    pairs: shared(pairs),
    touchStart: shared(touchStart),
    touchPage: shared(touchPage),
    touchActor: shared(touchActor),
    touchIsWrite: shared(touchIsWrite),
    touchOffsetNs: shared(touchOffsetNs),
  }
}

/** A copy of the first `length` elements on a SharedArrayBuffer. */
export function shared<A extends Column>(from: A, length = from.length): A {
  const make = from.constructor as new (buffer: SharedArrayBuffer) => A
  const copy = new make(new SharedArrayBuffer(length * from.BYTES_PER_ELEMENT))
  copy.set(from.subarray(0, length))
  return copy
}
