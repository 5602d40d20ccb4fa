/**
 * Copies of a few bytes, as compressed data is made of: 16 at once, whatever the length, for most are shorter. Up to 15 bytes more than
 * asked for are read and written, 16 for none.
 */

export function copyBytes(to: usize, from: usize, length: u32): void {
  v128.store(to, v128.load(from))
  for (let done: u32 = 16; done < length; done += 16) v128.store(to + done, v128.load(from + done))
}

/** From `offset` bytes before: it may reach into what it makes. */
export function copyMatch(to: usize, offset: u32, length: u32): void {
  if (offset >= 16) {
    copyBytes(to, to - offset, length)
    return
  }
  // what is repeated doubles until it fills a vector
  const end = to + length
  for (; offset < 16 && to < end; offset <<= 1) {
    v128.store(to, v128.load(to - offset))
    to += offset
  }
  if (to < end) copyBytes(to, to - offset, <u32>(end - to))
}
