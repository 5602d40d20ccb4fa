/** Accesses as the records of the content digest (src/trace/digest.ts): five words each. */
import { columnsAt, NO_PAGE, TASK, TASK_WORDS, type Views } from './batch.ts'

export const DIGEST_WORDS = 5

/** State of a digest: f64 time of the record before, u32 bytes used. */
export const DIGEST = { lastNs: 0, used: 8 }
export const DIGEST_BYTES = 16

export interface DigestKernels {
  /**
   * Appends rows [from, to) to `words`, up to where it is full: from `full` bytes on; a wide record takes two and may pass that.
   * Ends early at a task without a number.
   */
  digestRecords(views: Views, batch: number, from: number, to: number, tasks: number, words: number, state: number, full: number): number
}

export interface DigestExports {
  digestRecords(...args: number[]): number
}

export const wasmDigest = (exports: DigestExports): DigestKernels => ({
  digestRecords: (_, batch, from, to, tasks, words, state, full) => exports.digestRecords(batch, from, to, tasks, words, state, full),
})

export const digestTwins: DigestKernels = {
  digestRecords({ u8, u16, u32, f64 }, batch, from, to, tasks, words, state, full) {
    const columns = columnsAt(batch)
    const last = (state + DIGEST.lastNs) >>> 3
    const used = (state + DIGEST.used) >>> 2
    const push = (...record: number[]) => {
      u32.set(record, (words + u32[used]!) >>> 2)
      u32[used]! += 4 * DIGEST_WORDS
    }
    let i = from
    for (; i < to && u32[used]! < full; i++) {
      if (u32[columns.page + i] === NO_PAGE) continue
      const who = u32[(tasks >>> 2) + u16[columns.task + i]! * TASK_WORDS + TASK.ordinal]!
      if (who === 0) break
      const delta = f64[columns.time + i]! - f64[last]!
      const bytes = f64[columns.bytes + i]!
      const weight = f64[columns.weight + i]!
      f64[last] = f64[columns.time + i]!
      // what does not fit the ordinary record goes before it in one that ends in 0, as no ordinary one does
      if (delta > 0xffff_ffff || bytes > 0x3fff_ffff || weight !== 1) push(Math.floor(delta / 2 ** 32), weight, Math.floor(weight / 2 ** 32), bytes, 0)
      push(delta, u32[columns.low + i]!, u32[columns.high + i]!, (who << 16) | ((u32[columns.cpu + i]! + 1) & 0xffff), (bytes << 2) | u8[columns.kind + i]!)
    }
    return i
  },
}
