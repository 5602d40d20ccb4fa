/** Blocks of LZ4: src/wasm/lz4.ts says what is given and what comes back. */
import { copyBytes, copyMatch } from './copy'

const BAD_LITERALS: i32 = -1
const BAD_MATCH: i32 = -2

export function lz4Block(input: usize, bytes: u32, output: usize, start: u32, limit: u32): i32 {
  const last = input + bytes
  const most = output + limit
  let i = input
  let o = output + start
  while (i < last) {
    const token = <u32>load<u8>(i++)
    let literals = token >>> 4
    if (literals === 15) {
      let more: u32 = 255
      for (; more === 255; i++) {
        more = i < last ? <u32>load<u8>(i) : 0
        literals += more
      }
    }
    if (i > last || literals > <u32>(last - i) || literals > <u32>(most - o)) return BAD_LITERALS
    copyBytes(o, i, literals)
    i += literals
    o += literals
    if (i === last) return <i32>(o - output)
    // behind the end is nothing: 0
    const offset = i + 1 < last ? <u32>load<u16>(i) : <u32>load<u8>(i)
    i += 2
    let length = (token & 15) + 4
    if (length === 19) {
      let more: u32 = 255
      for (; more === 255; i++) {
        more = i < last ? <u32>load<u8>(i) : 0
        length += more
      }
    }
    if (i > last || offset === 0 || offset > <u32>(o - output) || length > <u32>(most - o)) return BAD_MATCH
    copyMatch(o, offset, length)
    o += length
  }
  return <i32>(o - output)
}
