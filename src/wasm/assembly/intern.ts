/** Who accessed which page: actors and dense page ids of a batch. src/wasm/intern.ts says what the blocks hold. */
import {
  ACTOR,
  BYTES,
  CPU,
  HIGH,
  LOW,
  NOWHERE,
  PAGE,
  TASK,
  TASK_ACTOR,
  TASK_BYTES,
  TASK_CPU,
  TASK_HIGH,
  TASK_LOW,
  TASK_PAGE,
  TASK_PROCESS,
  TASK_SPACE,
  TIME,
  WEIGHT,
} from './batch'

const COUNT: usize = 0
const ROOM: usize = 4
const CHUNKS: usize = 8
const SPACES: usize = 12
const SPACE_TABLE: usize = 16
const SPACE_MASK: usize = 20
const TABLE: usize = 24
const SLOTS: usize = 28
const MOST: usize = 32
const FREE_LEAF: usize = 36
const FREE_LEAVES_END: usize = 40
const LEAVES: usize = 44

const CHUNK_BYTES: usize = 12
const CHUNK_LOW: usize = 0
const CHUNK_SPACES: usize = 4
const CHUNK_SPACE: usize = 8

const SPACE_BYTES: usize = 32
const PROCESS: usize = 0
const SPACE_HIGH: usize = 4
const HASH: usize = 8
const HASH_SLOTS: usize = 12
const HASH_USED: usize = 16

const LEAF: u32 = 9
const IN_LEAF: u32 = (1 << LEAF) - 1
const LEAF_SIZE: u32 = 4 << LEAF
const IDS: u32 = 16
const IN_IDS: u32 = (1 << IDS) - 1
const GOLDEN: u32 = 0x9e3779b1

export function timesWithin(batch: usize, from: u32, to: u32, before: f64, end: f64): u32 {
  let last = before
  for (let i = from; i < to; i++) {
    const time = load<f64>(batch + ((<usize>i) << 3), TIME)
    if (!(time >= last) || time >= end) return i
    last = time
  }
  return to
}

export function findActors(batch: usize, from: u32, to: u32, tasks: usize, sums: usize): u32 {
  let bytes = load<f64>(sums)
  let i = from
  for (; i < to; i++) {
    const four = batch + ((<usize>i) << 2)
    const two = batch + ((<usize>i) << 1)
    const state = tasks + <usize>load<u16>(two, TASK) * TASK_BYTES
    const cpu = load<u32>(four, CPU)
    const actor = load<u32>(state, TASK_ACTOR)
    if (actor === NOWHERE || (cpu !== load<u32>(state, TASK_CPU) && cpu !== NOWHERE)) break
    store<u16>(two, actor, ACTOR)
    const eight = batch + ((<usize>i) << 3)
    bytes += load<f64>(eight, BYTES) * load<f64>(eight, WEIGHT)
  }
  store<f64>(sums, bytes)
  return i
}

export function findPages(pages: usize, batch: usize, from: u32, to: u32, tasks: usize, shift: u32): u32 {
  for (let i = from; i < to; i++) {
    const four = batch + ((<usize>i) << 2)
    const state = tasks + <usize>load<u16>(batch + ((<usize>i) << 1), TASK) * TASK_BYTES
    const addressHigh = load<u32>(four, HIGH)
    const low = (load<u32>(four, LOW) >>> shift) | (addressHigh << (32 - shift))
    const high = addressHigh >>> shift
    const sameHigh = high === load<u32>(state, TASK_HIGH)
    if (sameHigh && low === load<u32>(state, TASK_LOW)) {
      store<u32>(four, load<u32>(state, TASK_PAGE), PAGE)
      continue
    }
    if (!sameHigh) {
      const space = spaceOf(pages, load<u32>(state, TASK_PROCESS), high)
      if (space === NOWHERE) return i
      // the page of before is another one
      store<u32>(state, NOWHERE, TASK_HIGH)
      store<u32>(state, space, TASK_SPACE)
    }
    const space = load<u32>(state, TASK_SPACE)
    const id = load<u32>(pages, TABLE) === 0 ? inLeaves(pages, space, low) : inTable(pages, space, low)
    if (id === NOWHERE) return i
    store<u32>(state, high, TASK_HIGH)
    store<u32>(state, low, TASK_LOW)
    store<u32>(state, id, TASK_PAGE)
    store<u32>(four, id, PAGE)
  }
  return to
}

function spaceOf(pages: usize, process: u32, high: u32): u32 {
  const table = <usize>load<u32>(pages, SPACE_TABLE)
  const mask = load<u32>(pages, SPACE_MASK)
  const spaces = <usize>load<u32>(pages, SPACES)
  let slot = ((process * 0x85ebca6b) ^ high) & mask
  let stored = load<u32>(table + ((<usize>slot) << 2))
  while (stored !== 0) {
    const space = spaces + <usize>(stored - 1) * SPACE_BYTES
    if (load<u32>(space, PROCESS) === process && load<u32>(space, SPACE_HIGH) === high) break
    slot = (slot + 1) & mask
    stored = load<u32>(table + ((<usize>slot) << 2))
  }
  // none is nowhere
  return stored - 1
}

function inLeaves(pages: usize, space: u32, low: u32): u32 {
  const leaf = leafOf(pages, <usize>load<u32>(pages, SPACES) + <usize>space * SPACE_BYTES, low >>> LEAF)
  if (leaf === 0) return NOWHERE
  const slot = leaf + ((<usize>(low & IN_LEAF)) << 2)
  const stored = load<u32>(slot)
  if (stored !== 0) return stored - 1
  const id = newId(pages, space, low)
  if (id !== NOWHERE) store<u32>(slot, id + 1)
  return id
}

/** Address of a leaf of a space, a new one where there was none; 0 where there is no room for it. */
function leafOf(pages: usize, own: usize, number: u32): usize {
  const hash = <usize>load<u32>(own, HASH)
  const slots = load<u32>(own, HASH_SLOTS)
  let slot = (number * GOLDEN) >>> (clz(slots) + 1)
  let at = hash + ((<usize>slot) << 3)
  while (load<u32>(at) !== number + 1) {
    if (load<u32>(at) === 0) return newLeaf(pages, own, number, at)
    slot = (slot + 1) & (slots - 1)
    at = hash + ((<usize>slot) << 3)
  }
  return <usize>load<u32>(at, 4)
}

function newLeaf(pages: usize, own: usize, number: u32, at: usize): usize {
  const used = load<u32>(own, HASH_USED)
  const leaf = load<u32>(pages, FREE_LEAF)
  if (used * 2 >= load<u32>(own, HASH_SLOTS) || leaf === load<u32>(pages, FREE_LEAVES_END)) return 0
  store<u32>(pages, leaf + LEAF_SIZE, FREE_LEAF)
  store<u32>(pages, load<u32>(pages, LEAVES) + 1, LEAVES)
  store<u32>(own, used + 1, HASH_USED)
  store<u32>(at, number + 1)
  store<u32>(at, leaf, 4)
  return <usize>leaf
}

function newId(pages: usize, space: u32, low: u32): u32 {
  const id = load<u32>(pages, COUNT)
  if (id === load<u32>(pages, ROOM)) return NOWHERE
  const chunk = <usize>load<u32>(pages, CHUNKS) + <usize>(id >>> IDS) * CHUNK_BYTES
  const at = (<usize>(id & IN_IDS)) << 2
  const spaces = <usize>load<u32>(chunk, CHUNK_SPACES)
  if (spaces !== 0) store<u32>(spaces + at, space)
  else if (at === 0) store<u32>(chunk, space, CHUNK_SPACE)
  else if (load<u32>(chunk, CHUNK_SPACE) !== space) return NOWHERE
  store<u32>(<usize>load<u32>(chunk, CHUNK_LOW) + at, low)
  store<u32>(pages, id + 1, COUNT)
  return id
}

function isPage(pages: usize, id: u32, space: u32, low: u32): bool {
  const chunk = <usize>load<u32>(pages, CHUNKS) + <usize>(id >>> IDS) * CHUNK_BYTES
  const at = (<usize>(id & IN_IDS)) << 2
  if (load<u32>(<usize>load<u32>(chunk, CHUNK_LOW) + at) !== low) return false
  const spaces = <usize>load<u32>(chunk, CHUNK_SPACES)
  return (spaces === 0 ? load<u32>(chunk, CHUNK_SPACE) : load<u32>(spaces + at)) === space
}

function slotOf(space: u32, low: u32, slots: u32): u32 {
  let hash = (low ^ ((space + 1) * 0x85ebca6b)) * GOLDEN
  hash = (hash ^ (hash >>> 15)) * 0x2c1b3c6d
  return <u32>((<u64>(hash ^ (hash >>> 13)) * slots) >> 32)
}

function inTable(pages: usize, space: u32, low: u32): u32 {
  const table = <usize>load<u32>(pages, TABLE)
  const slots = load<u32>(pages, SLOTS)
  let slot = slotOf(space, low, slots)
  for (let stored = load<u32>(table + ((<usize>slot) << 2)); stored !== 0; stored = load<u32>(table + ((<usize>slot) << 2))) {
    if (isPage(pages, stored - 1, space, low)) return stored - 1
    slot = slot + 1 === slots ? 0 : slot + 1
  }
  if (load<u32>(pages, COUNT) >= load<u32>(pages, MOST)) return NOWHERE
  const id = newId(pages, space, low)
  if (id !== NOWHERE) store<u32>(table + ((<usize>slot) << 2), id + 1)
  return id
}

export function indexPages(pages: usize): void {
  const table = <usize>load<u32>(pages, TABLE)
  const slots = load<u32>(pages, SLOTS)
  const count = load<u32>(pages, COUNT)
  for (let id: u32 = 0; id < count; id++) {
    const chunk = <usize>load<u32>(pages, CHUNKS) + <usize>(id >>> IDS) * CHUNK_BYTES
    const at = (<usize>(id & IN_IDS)) << 2
    const spaces = <usize>load<u32>(chunk, CHUNK_SPACES)
    const space = spaces === 0 ? load<u32>(chunk, CHUNK_SPACE) : load<u32>(spaces + at)
    let slot = slotOf(space, load<u32>(<usize>load<u32>(chunk, CHUNK_LOW) + at), slots)
    while (load<u32>(table + ((<usize>slot) << 2)) !== 0) slot = slot + 1 === slots ? 0 : slot + 1
    store<u32>(table + ((<usize>slot) << 2), id + 1)
  }
}
