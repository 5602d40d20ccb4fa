/** The faults of a tick among its touches, in order of first touch: pages that are absent or marked by the hint scanner. */

const ABSENT: u8 = 255

/** Index of the first touch from `from` on that faults, or `to`. touchPage: u32; placement, marked: u8 by page. */
export function nextFault(touchPage: usize, from: u32, to: u32, placement: usize, marked: usize): u32 {
  let at = touchPage + ((<usize>from) << 2)
  const end = touchPage + ((<usize>to) << 2)
  for (; at < end; at += 4) {
    const page = load<u32>(at)
    if (load<u8>(placement + page) === ABSENT || load<u8>(marked + page) !== 0) break
  }
  return <u32>((at - touchPage) >> 2)
}
