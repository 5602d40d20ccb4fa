/** Copies of a few bytes, as compressed data is made of. Up to 15 bytes more than asked for are read and written. */

export function copyBytes(to: usize, from: usize, length: u32): void {
  for (const end = to + length; to < end; to += 16, from += 16) v128.store(to, v128.load(from))
}

/** From `offset` bytes before: it may reach into what it makes. */
export function copyMatch(to: usize, offset: u32, length: u32): void {
  const end = to + length
  // what is repeated doubles until it fills a vector
  for (; offset < 16 && to < end; offset <<= 1) {
    v128.store(to, v128.load(to - offset))
    to += offset
  }
  for (; to < end; to += 16) v128.store(to, v128.load(to - offset))
}
