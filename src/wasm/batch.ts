/** The memory that kernels of an import share: columns of a batch, and the state of its tasks. The same as assembly/batch.ts. */

/** Accesses of a batch. */
export const BATCH = 2048

/** Where the columns begin, in bytes from the start of the batch. */
export const COLUMN = {
  /** f64. */
  time: 0,
  bytes: 8 * BATCH,
  weight: 16 * BATCH,
  /** u32; a cpu that is not known is NOWHERE. */
  high: 24 * BATCH,
  low: 28 * BATCH,
  cpu: 32 * BATCH,
  page: 36 * BATCH,
  /** u16. */
  task: 40 * BATCH,
  actor: 42 * BATCH,
  /** u8. */
  kind: 44 * BATCH,
}
export const BATCH_BYTES = 45 * BATCH

/** In place of the id of a page that a sample leaves out. */
export const NO_PAGE = 0xffff_ffff
/** Not a cpu, an actor, a space, or the high half of a page number. */
export const NOWHERE = 0xffff_ffff

/** What is known of a task, in words: cpu and actor of its last access; page number, page and space of it; process; number in the digest. */
export const TASK = { cpu: 0, actor: 1, high: 2, low: 3, page: 4, space: 5, process: 6, ordinal: 7 }
export const TASK_WORDS = 8

/** A memory seen as numbers of each size. */
export interface Views {
  readonly u8: Uint8Array
  readonly u16: Uint16Array
  readonly u32: Uint32Array
  readonly f64: Float64Array
}

/** The columns of the batch at this address, as offsets into the views. */
export const columnsAt = (batch: number) => ({
  time: (batch + COLUMN.time) >>> 3,
  bytes: (batch + COLUMN.bytes) >>> 3,
  weight: (batch + COLUMN.weight) >>> 3,
  high: (batch + COLUMN.high) >>> 2,
  low: (batch + COLUMN.low) >>> 2,
  cpu: (batch + COLUMN.cpu) >>> 2,
  page: (batch + COLUMN.page) >>> 2,
  task: (batch + COLUMN.task) >>> 1,
  actor: (batch + COLUMN.actor) >>> 1,
  kind: batch + COLUMN.kind,
})
