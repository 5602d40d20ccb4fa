/** The faults of a tick among its touches, in order of first touch: pages that are absent or marked by the hint scanner. */

const ABSENT: u8 = 255

/**
 * Writes the indexes of those touches [from, to) that fault to `found` (u32 each) and answers how many. A page is touched once
 * in a tick, so what handling one fault does changes no other. touchPage: u32; placement, marked: u8 by page.
 */
export function findFaults(touchPage: usize, from: u32, to: u32, placement: usize, marked: usize, found: usize): u32 {
  let out = found
  for (let k = from; k < to; k++) {
    const page = load<u32>(touchPage + ((<usize>k) << 2))
    store<u32>(out, k)
    const faults = <u32>(load<u8>(placement + page) === ABSENT) | <u32>(load<u8>(marked + page) !== 0)
    out += (<usize>faults) << 2
  }
  return <u32>((out - found) >> 2)
}
