/** Who accessed which page: actors and dense page ids of a batch, by tables that the caller makes room in. */
import { columnsAt, NOWHERE, TASK, TASK_WORDS, type Views } from './batch.ts'

/** Words of a page table; src/trace/pages.ts says what they are for. Addresses are in bytes. */
export const PAGES = {
  count: 0,
  /** Ids that have a place in a chunk. */
  room: 1,
  chunks: 2,
  spaces: 3,
  spaceTable: 4,
  spaceMask: 5,
  /** Table of ids + 1; 0 = ids are in leaves. `most` ids are held before it has to be made larger. */
  table: 6,
  slots: 7,
  most: 8,
  freeLeaf: 9,
  freeLeavesEnd: 10,
  leaves: 11,
}
export const PAGES_WORDS = 12
/** Per 2^16 ids: addresses of their low words and spaces, or 0 and the space of all. */
export const CHUNK = { low: 0, spaces: 1, space: 2 }
export const CHUNK_WORDS = 3
/** A space: leaves by number, open addressing over (number + 1, address). */
export const SPACE = { process: 0, high: 1, hash: 2, slots: 3, used: 4 }
export const SPACE_WORDS = 8

/** log2 of the pages of a leaf, of the ids of a chunk. */
export const LEAF = 9
export const IDS = 16
const IN_LEAF = (1 << LEAF) - 1
const IN_IDS = (1 << IDS) - 1
/** 2^32 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, §6.4). */
const GOLDEN = 0x9e3779b1

export interface InternKernels {
  /** First of rows [from, to) whose time is before the one before it, or at or after `end`, or not a number; else `to`. */
  timesWithin(views: Views, batch: number, from: number, to: number, before: number, end: number): number
  /** Actors of rows [from, to); adds bytes moved to the f64 at `sums`. Ends early at a task that is not on its last cpu. */
  findActors(views: Views, batch: number, from: number, to: number, tasks: number, sums: number): number
  /** Ids of the pages of rows [from, to), new ones at first touch. Ends early where there is no room for one, or no space. */
  findPages(views: Views, pages: number, batch: number, from: number, to: number, tasks: number, shift: number): number
  /** Puts all ids into the empty table. */
  indexPages(views: Views, pages: number): void
}

export interface InternExports {
  timesWithin(...args: number[]): number
  findActors(...args: number[]): number
  findPages(...args: number[]): number
  indexPages(pages: number): void
}

export const wasmIntern = (exports: InternExports): InternKernels => ({
  timesWithin: (_, batch, from, to, before, end) => exports.timesWithin(batch, from, to, before, end),
  findActors: (_, batch, from, to, tasks, sums) => exports.findActors(batch, from, to, tasks, sums),
  findPages: (_, pages, batch, from, to, tasks, shift) => exports.findPages(pages, batch, from, to, tasks, shift) >>> 0,
  indexPages: (_, pages) => exports.indexPages(pages),
})

export const internTwins: InternKernels = {
  timesWithin({ f64 }, batch, from, to, before, end) {
    const { time } = columnsAt(batch)
    let last = before
    for (let i = from; i < to; i++) {
      const now = f64[time + i]!
      if (!(now >= last) || now >= end) return i
      last = now
    }
    return to
  },

  findActors({ u16, u32, f64 }, batch, from, to, tasks, sums) {
    const columns = columnsAt(batch)
    let i = from
    for (; i < to; i++) {
      const state = (tasks >>> 2) + u16[columns.task + i]! * TASK_WORDS
      const cpu = u32[columns.cpu + i]!
      const actor = u32[state + TASK.actor]!
      if (actor === NOWHERE || (cpu !== u32[state + TASK.cpu] && cpu !== NOWHERE)) break
      u16[columns.actor + i] = actor
      f64[sums >>> 3]! += f64[columns.bytes + i]! * f64[columns.weight + i]!
    }
    return i
  },

  findPages({ u16, u32 }, pages, batch, from, to, tasks, shift) {
    const columns = columnsAt(batch)
    for (let i = from; i < to; i++) {
      const state = (tasks >>> 2) + u16[columns.task + i]! * TASK_WORDS
      const addressHigh = u32[columns.high + i]!
      const low = ((u32[columns.low + i]! >>> shift) | (addressHigh << (32 - shift))) >>> 0
      const high = addressHigh >>> shift
      if (high !== u32[state + TASK.high] || low !== u32[state + TASK.low]) {
        if (high !== u32[state + TASK.high]) {
          const space = spaceOf(u32, pages, u32[state + TASK.process]!, high)
          if (space === NOWHERE) return i
          // the page of before is another one
          u32[state + TASK.high] = NOWHERE
          u32[state + TASK.space] = space
        }
        const id = pageId(u32, pages, u32[state + TASK.space]!, low)
        if (id === NOWHERE) return i
        u32[state + TASK.high] = high
        u32[state + TASK.low] = low
        u32[state + TASK.page] = id
      }
      u32[columns.page + i] = u32[state + TASK.page]!
    }
    return to
  },

  indexPages({ u32 }, pages) {
    const at = pages >>> 2
    const table = u32[at + PAGES.table]! >>> 2
    const slots = u32[at + PAGES.slots]!
    for (let id = 0, count = u32[at + PAGES.count]!; id < count; id++) {
      let slot = slotOf(spaceAt(u32, pages, id), lowAt(u32, pages, id), slots)
      while (u32[table + slot] !== 0) slot = slot + 1 === slots ? 0 : slot + 1
      u32[table + slot] = id + 1
    }
  },
}

/** Index of the space of a process that holds pages with these high bits (vpage >>> 32); NOWHERE when it is new. */
export function spaceOf(u32: Uint32Array, pages: number, process: number, high: number): number {
  const at = pages >>> 2
  const table = u32[at + PAGES.spaceTable]! >>> 2
  const mask = u32[at + PAGES.spaceMask]!
  for (let slot = (Math.imul(process, 0x85ebca6b) ^ high) & mask; ; slot = (slot + 1) & mask) {
    const stored = u32[table + slot]!
    if (stored === 0) return NOWHERE
    const space = (u32[at + PAGES.spaces]! >>> 2) + (stored - 1) * SPACE_WORDS
    if (u32[space + SPACE.process] === process && u32[space + SPACE.high] === high) return stored - 1
  }
}

/** Id of a page; NOWHERE when it is new and there is no room for it. */
export function pageId(u32: Uint32Array, pages: number, space: number, low: number): number {
  return u32[(pages >>> 2) + PAGES.table] === 0 ? inLeaves(u32, pages, space, low) : inTable(u32, pages, space, low)
}

const chunkOf = (u32: Uint32Array, pages: number, id: number): number => (u32[(pages >>> 2) + PAGES.chunks]! >>> 2) + (id >>> IDS) * CHUNK_WORDS

export function lowAt(u32: Uint32Array, pages: number, id: number): number {
  return u32[(u32[chunkOf(u32, pages, id) + CHUNK.low]! >>> 2) + (id & IN_IDS)]!
}

export function spaceAt(u32: Uint32Array, pages: number, id: number): number {
  const chunk = chunkOf(u32, pages, id)
  const spaces = u32[chunk + CHUNK.spaces]!
  return spaces === 0 ? u32[chunk + CHUNK.space]! : u32[(spaces >>> 2) + (id & IN_IDS)]!
}

function inLeaves(u32: Uint32Array, pages: number, space: number, low: number): number {
  const leaf = leafOf(u32, pages, (u32[(pages >>> 2) + PAGES.spaces]! >>> 2) + space * SPACE_WORDS, low >>> LEAF)
  if (leaf === 0) return NOWHERE
  const slot = (leaf >>> 2) + (low & IN_LEAF)
  const stored = u32[slot]!
  if (stored !== 0) return stored - 1
  const id = newId(u32, pages, space, low)
  if (id !== NOWHERE) u32[slot] = id + 1
  return id
}

/** Address of a leaf of a space, a new one where there was none; 0 where there is no room for it. */
function leafOf(u32: Uint32Array, pages: number, own: number, number: number): number {
  const hash = u32[own + SPACE.hash]! >>> 2
  const slots = u32[own + SPACE.slots]!
  let slot = Math.imul(number, GOLDEN) >>> (Math.clz32(slots) + 1)
  while (u32[hash + 2 * slot] !== number + 1) {
    if (u32[hash + 2 * slot] === 0) return newLeaf(u32, pages, own, number, hash + 2 * slot)
    slot = (slot + 1) & (slots - 1)
  }
  return u32[hash + 2 * slot + 1]!
}

function newLeaf(u32: Uint32Array, pages: number, own: number, number: number, at: number): number {
  const leaf = u32[(pages >>> 2) + PAGES.freeLeaf]!
  if (2 * u32[own + SPACE.used]! >= u32[own + SPACE.slots]! || leaf === u32[(pages >>> 2) + PAGES.freeLeavesEnd]) return 0
  u32[(pages >>> 2) + PAGES.freeLeaf] = leaf + (4 << LEAF)
  u32[(pages >>> 2) + PAGES.leaves]!++
  u32[own + SPACE.used]!++
  u32[at] = number + 1
  u32[at + 1] = leaf
  return leaf
}

function newId(u32: Uint32Array, pages: number, space: number, low: number): number {
  const at = pages >>> 2
  const id = u32[at + PAGES.count]!
  if (id === u32[at + PAGES.room]) return NOWHERE
  const chunk = chunkOf(u32, pages, id)
  const slot = id & IN_IDS
  const spaces = u32[chunk + CHUNK.spaces]!
  if (spaces !== 0) u32[(spaces >>> 2) + slot] = space
  else if (slot === 0) u32[chunk + CHUNK.space] = space
  else if (u32[chunk + CHUNK.space] !== space) return NOWHERE
  u32[(u32[chunk + CHUNK.low]! >>> 2) + slot] = low
  u32[at + PAGES.count] = id + 1
  return id
}

/** `slots` has at most 20 significant bits: then the product is exact. */
function slotOf(space: number, low: number, slots: number): number {
  let hash = Math.imul(low ^ Math.imul(space + 1, 0x85ebca6b), GOLDEN)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return Math.floor((((hash ^ (hash >>> 13)) >>> 0) * slots) / 2 ** 32)
}

function inTable(u32: Uint32Array, pages: number, space: number, low: number): number {
  const at = pages >>> 2
  const table = u32[at + PAGES.table]! >>> 2
  const slots = u32[at + PAGES.slots]!
  let slot = slotOf(space, low, slots)
  for (let stored = u32[table + slot]!; stored !== 0; stored = u32[table + slot]!) {
    if (lowAt(u32, pages, stored - 1) === low && spaceAt(u32, pages, stored - 1) === space) return stored - 1
    slot = slot + 1 === slots ? 0 : slot + 1
  }
  if (u32[at + PAGES.count]! >= u32[at + PAGES.most]!) return NOWHERE
  const id = newId(u32, pages, space, low)
  if (id !== NOWHERE) u32[table + slot] = id + 1
  return id
}
