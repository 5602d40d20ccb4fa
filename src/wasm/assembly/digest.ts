/** Records of the content digest from a batch: src/wasm/digest.ts says what they are. */
import { BYTES, CPU, HIGH, KIND, LOW, NO_PAGE, PAGE, TASK, TASK_BYTES, TASK_ORDINAL, TIME, WEIGHT } from './batch'

const RECORD: usize = 20
/** Sizes beyond it go into a record of their own. */
const MOST_BYTES: f64 = 0x3fff_ffff
const MOST_DELTA: f64 = 0xffff_ffff

/** state: f64 time of the record before, u32 bytes used of `words`. */
export function digestRecords(batch: usize, from: u32, to: u32, tasks: usize, words: usize, state: usize, full: u32): u32 {
  let lastNs = load<f64>(state)
  let used = load<u32>(state, 8)
  let i = from
  for (; i < to && used < full; i++) {
    const two = batch + ((<usize>i) << 1)
    const four = two + ((<usize>i) << 1)
    if (load<u32>(four, PAGE) === NO_PAGE) continue
    const who = load<u32>(tasks + <usize>load<u16>(two, TASK) * TASK_BYTES, TASK_ORDINAL)
    if (who === 0) break
    const eight = batch + ((<usize>i) << 3)
    const time = load<f64>(eight, TIME)
    const delta = time - lastNs
    const bytes = load<f64>(eight, BYTES)
    const weight = load<f64>(eight, WEIGHT)
    lastNs = time
    let at = words + used
    if (delta > MOST_DELTA || bytes > MOST_BYTES || weight !== 1) {
      store<u32>(at, <u32>(<u64>delta >> 32))
      store<u32>(at, <u32>(<u64>weight), 4)
      store<u32>(at, <u32>(<u64>weight >> 32), 8)
      store<u32>(at, <u32>(<u64>bytes), 12)
      store<u32>(at, 0, 16)
      at += RECORD
      used += <u32>RECORD
    }
    store<u32>(at, <u32>(<i64>delta))
    store<u32>(at, load<u32>(four, LOW), 4)
    store<u32>(at, load<u32>(four, HIGH), 8)
    store<u32>(at, (who << 16) | ((load<u32>(four, CPU) + 1) & 0xffff), 12)
    store<u32>(at, ((<u32>(<i64>bytes)) << 2) | <u32>load<u8>(batch + i, KIND), 16)
    used += <u32>RECORD
  }
  store<f64>(state, lastNs)
  store<u32>(state, used, 8)
  return i
}
