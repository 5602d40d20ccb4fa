/** Columns of a batch of accesses, one behind the other: src/wasm/batch.ts has the same. */

export const BATCH: u32 = 2048
const ROWS: usize = 2048
export const TIME: usize = 0
export const BYTES: usize = 8 * ROWS
export const WEIGHT: usize = 16 * ROWS
export const HIGH: usize = 24 * ROWS
export const LOW: usize = 28 * ROWS
export const CPU: usize = 32 * ROWS
export const PAGE: usize = 36 * ROWS
export const TASK: usize = 40 * ROWS
export const ACTOR: usize = 42 * ROWS
export const KIND: usize = 44 * ROWS

/** In place of the id of a page that a sample leaves out. */
export const NO_PAGE: u32 = 0xffff_ffff

/** State of a task: u32 each. */
export const TASK_BYTES: usize = 32
export const TASK_CPU: usize = 0
export const TASK_ACTOR: usize = 4
export const TASK_HIGH: usize = 8
export const TASK_LOW: usize = 12
export const TASK_PAGE: usize = 16
export const TASK_SPACE: usize = 20
export const TASK_PROCESS: usize = 24
export const TASK_ORDINAL: usize = 28

/** Not a cpu, an actor, or the high half of a page number. */
export const NOWHERE: u32 = 0xffff_ffff
