/** Which accesses a profiler samples: src/wasm/sample.ts says what the arrays are. */

/** `counts`: where the counts that are sampled stand in pair 0. */
export function samplePairs(counts: usize, from: u32, to: u32, state: usize, gaps: usize, room: u32, found: usize): u32 {
  // whole numbers: a subtraction takes one cycle, and each waits for the one before
  let toPass = <i64>load<f64>(state)
  let gap = gaps
  const end = gaps + ((<usize>room) << 3)
  let out = found
  let at = counts + ((<usize>from) << 4)
  const last = counts + ((<usize>to) << 4)
  if (toPass >= 0 && at < last) toPass -= <i64>load<u32>(at)
  while (at < last) {
    if (toPass < 0) {
      const first = gap
      while (toPass < 0 && gap < end) {
        toPass += <i64>load<f64>(gap) + 1
        gap += 8
      }
      store<u32>(out, <u32>((at - counts) >> 4))
      store<u32>(out, <u32>((gap - first) >> 3), 4)
      out += (<usize>(gap > first)) << 3
      if (toPass < 0) break
    }
    at += 16
    if (at < last) toPass -= <i64>load<u32>(at)
  }
  store<f64>(state, <f64>toPass)
  store<f64>(state, <f64>((gap - gaps) >> 3), 8)
  store<f64>(state, <f64>((at - counts) >> 4), 16)
  return <u32>((out - found) >> 3)
}
