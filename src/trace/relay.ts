/**
 * Threads that read the same blocks decode each of them once: block b is decoded by thread b mod n into shared memory, one
 * round before it is needed, and read there by all. Every thread takes the blocks in order.
 */
import { BlockBuffers, viewOf } from './block-codec.ts'
import type { PreparedTrace, TickBlock } from './prepared.ts'
import { readBlockInto, type StoredBlocks, startsOf } from './stored-blocks.ts'

/** What the threads share; crosses threads by reference. */
export interface RelayMemory {
  threads: number
  /** Buffers of each slot; block b lies in slot b mod slots. */
  slots: SharedArrayBuffer[][]
  /** By slot: number of the block that is ready in it, plus 1; then by slot: how many threads are done with it. */
  control: SharedArrayBuffer
}

/** Undefined where blocks are not stored as they are read: each thread reads for itself then. */
export function relayMemory({ stored }: PreparedTrace, threads: number): RelayMemory | undefined {
  if (!stored || stored.epochs || threads < 2) return undefined
  const slots = Math.min(2 * threads, stored.blocks.length)
  const pairs = stored.blocks.reduce((most, block) => Math.max(most, block.pairs), 0)
  const touches = stored.blocks.reduce((most, block) => Math.max(most, block.touches), 0)
  const ticks = stored.blocks.reduce((most, block) => Math.max(most, block.ticks), 0)
  return {
    threads,
    slots: Array.from({ length: slots }, () => BlockBuffers.sized({ pairs, touches, ticks })),
    control: new SharedArrayBuffer(8 * slots),
  }
}

/** The blocks as thread `me` of the relay reads them: in order, each valid until the next is asked for. */
export function relayReader(stored: StoredBlocks, { threads, slots, control }: RelayMemory, me: number): (b: number) => TickBlock {
  const words = new Int32Array(control)
  const ready = (b: number) => b % slots.length
  const done = (b: number) => slots.length + (b % slots.length)
  const read = readBlockInto(stored)
  const buffers = slots.map((held) => new BlockBuffers(held))

  const waitUntil = (word: number, value: number): void => {
    for (let now = Atomics.load(words, word); now !== value; now = Atomics.load(words, word)) Atomics.wait(words, word, now)
  }
  const decode = (b: number): void => {
    if (b >= stored.blocks.length) return
    if (b >= slots.length) {
      waitUntil(done(b), threads)
      Atomics.store(words, done(b), 0)
    }
    read(b, buffers[b % slots.length]!)
    Atomics.store(words, ready(b), b + 1)
    Atomics.notify(words, ready(b))
  }
  const release = (b: number): void => {
    Atomics.add(words, done(b), 1)
    Atomics.notify(words, done(b))
  }

  const view = (b: number): TickBlock => viewOf(stored.blocks[b]!, startsOf(stored, b), buffers[b % slots.length]!)

  let current = -1
  return (b) => {
    if (b === current) return view(b)
    if (current < 0) decode(me)
    else {
      release(current)
      if (current % threads === me) decode(current + threads)
    }
    current = b
    waitUntil(ready(b), b + 1)
    return view(b)
  }
}
