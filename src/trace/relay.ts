/**
 * Threads that read the same blocks decode each of them once, into shared memory. Whoever needs a block that nobody decodes yet
 * does it; whoever has to wait for one decodes those that come next. Every thread takes the blocks in order, and a slot is used
 * again when all threads are done with the block in it, so a thread that starts late holds up nobody while slots are left.
 */
import { BlockBuffers, viewOf } from './block-codec.ts'
import type { PreparedTrace, TickBlock } from './prepared.ts'
import { readBlockInto, type StoredBlocks, startsOf } from './stored-blocks.ts'

/** What the threads share; crosses threads by reference. */
export interface RelayMemory {
  threads: number
  /** Buffers of each slot; block b lies in slot b mod slots. */
  slots: SharedArrayBuffer[][]
  /** By slot: number of the block that somebody decodes into it, plus 1; that is ready in it, plus 1; threads that are done with it. At the end: 1 when a thread gave up. */
  control: SharedArrayBuffer
}

/** The reason in a thread that waited for one that gave up. */
export class RelayAbandoned extends Error {
  constructor() {
    super('another thread that reads the same trace failed')
  }
}

/** Bytes of decoded blocks that may lie ahead of the slowest thread. */
const AHEAD = 128 * 2 ** 20
/** Somebody who gave up has woken all who wait; this is for the moment before they wait. */
const WAIT_MS = 1000

/** Undefined where blocks are not stored as they are read: each thread reads for itself then. */
export function relayMemory({ stored }: PreparedTrace, threads: number): RelayMemory | undefined {
  if (!stored || stored.epochs || threads < 2 || stored.blocks.length === 0) return undefined
  const most = (of: (block: StoredBlocks['blocks'][number]) => number) => stored.blocks.reduce((max, block) => Math.max(max, of(block)), 0)
  const make = () => BlockBuffers.sized({ pairs: most(({ pairs }) => pairs), touches: most(({ touches }) => touches), ticks: most(({ ticks }) => ticks) })
  const first = make()
  const bytes = first.reduce((sum, buffer) => sum + buffer.byteLength, 0)
  const slots = Math.min(stored.blocks.length, Math.max(2 * threads, Math.floor(AHEAD / bytes)))
  return { threads, slots: [first, ...Array.from({ length: slots - 1 }, make)], control: new SharedArrayBuffer(4 * (3 * slots + 1)) }
}

/** Tells the other threads that this one will read no more. */
export function abandonRelay({ control }: RelayMemory): void {
  const words = new Int32Array(control)
  Atomics.store(words, words.length - 1, 1)
  for (let word = 0; word < words.length; word++) Atomics.notify(words, word)
}

/** The blocks as one thread of the relay reads them: in order, each valid until the next is asked for. Throws RelayAbandoned when another gave up. */
export function relayReader(stored: StoredBlocks, { threads, slots, control }: RelayMemory): (b: number) => TickBlock {
  const words = new Int32Array(control)
  const claimed = (b: number) => b % slots.length
  const ready = (b: number) => slots.length + (b % slots.length)
  const done = (b: number) => 2 * slots.length + (b % slots.length)
  const abandoned = words.length - 1
  const readInto = readBlockInto(stored)
  const buffers = slots.map((held) => new BlockBuffers(held))

  const waitUntil = (word: number, value: number): void => {
    for (let now = Atomics.load(words, word); now !== value; now = Atomics.load(words, word)) {
      if (Atomics.load(words, abandoned) === 1) throw new RelayAbandoned()
      Atomics.wait(words, word, now, WAIT_MS)
    }
  }
  const isReady = (b: number) => Atomics.load(words, ready(b)) === b + 1
  const isFree = (b: number) => b < slots.length || Atomics.load(words, done(b)) === threads
  /** True for one thread. */
  const claim = (b: number): boolean => {
    const before = Math.max(0, b + 1 - slots.length)
    return b < stored.blocks.length && Atomics.compareExchange(words, claimed(b), before, b + 1) === before
  }
  const decode = (b: number): void => {
    if (b >= slots.length) {
      waitUntil(done(b), threads)
      Atomics.store(words, done(b), 0)
    }
    readInto(b, buffers[b % slots.length]!)
    Atomics.store(words, ready(b), b + 1)
    Atomics.notify(words, ready(b))
  }
  const release = (b: number): void => {
    Atomics.add(words, done(b), 1)
    Atomics.notify(words, done(b))
  }

  let current = -1
  return (b) => {
    if (b !== current) {
      if (current >= 0) release(current)
      current = b
      if (claim(b)) decode(b)
      for (let next = b + 1; next < b + slots.length && !isReady(b) && isFree(next) && claim(next); next++) decode(next)
      waitUntil(ready(b), b + 1)
    }
    return viewOf(stored.blocks[b]!, startsOf(stored, b), buffers[b % slots.length]!)
  }
}
