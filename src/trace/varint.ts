/**
 * Columns of integers as bytes: LEB128 varints of the values, of their differences (ascending columns), or of their zigzag
 * differences. Small numbers, which counts and differences are, take one byte; deflate then finds the patterns.
 */
export type Packing = 'plain' | 'ascending' | 'zigzag'

/** Not this many bytes of varints: the file is damaged. */
export class Malformed extends Error {}

export class VarintWriter {
  #bytes = new Uint8Array(1 << 12)
  #used = 0

  /** An integer from 0 to 2^53 - 1. */
  put(value: number): void {
    if (this.#used + 8 > this.#bytes.length) {
      const wider = new Uint8Array(this.#bytes.length * 2)
      wider.set(this.#bytes)
      this.#bytes = wider
    }
    let rest = value
    for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 128)) this.#bytes[this.#used++] = (rest % 128) | 128
    for (; rest > 127; rest >>>= 7) this.#bytes[this.#used++] = (rest & 127) | 128
    this.#bytes[this.#used++] = rest
  }

  /** What was put since the last call; valid until the next put. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#used)
    this.#used = 0
    return bytes
  }
}

const zigzag = (difference: number): number => (difference < 0 ? -2 * difference - 1 : 2 * difference)

/** `starts` = where a group begins (a tick's rows): differences start again from 0 there. */
export function pack(writer: VarintWriter, values: ArrayLike<number>, packing: Packing, starts: ArrayLike<number> = [0, values.length]): Uint8Array {
  for (let group = 0; group + 1 < starts.length; group++) {
    let before = 0
    for (let i = starts[group]!; i < starts[group + 1]!; i++) {
      const value = values[i]!
      if (packing === 'plain') writer.put(value)
      else {
        writer.put(packing === 'ascending' ? value - before : zigzag(value - before))
        before = value
      }
    }
  }
  return writer.take()
}

/** Fills `into` from varints; throws Malformed unless `bytes` holds exactly that many, none beyond `limit`. */
export function unpack<A extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(
  bytes: Uint8Array,
  into: A,
  packing: Packing,
  limit: number,
  starts: ArrayLike<number> = [0, into.length],
): A {
  let at = 0
  for (let group = 0; group + 1 < starts.length; group++) {
    let before = 0
    for (let i = starts[group]!, end = starts[group + 1]!; i < end; i++) {
      let value = bytes[at++]!
      if (value > 127) {
        value &= 127
        for (let scale = 128; ; scale *= 128) {
          // past the end this reads undefined, which never ends a varint, so the scale does
          const byte = bytes[at++]!
          value += (byte & 127) * scale
          if (byte < 128) break
          if (scale > 2 ** 50) throw new Malformed()
        }
      }
      if (packing === 'ascending') value += before
      else if (packing === 'zigzag') value = before + (value % 2 === 1 ? -(value + 1) / 2 : value / 2)
      // written so that undefined and NaN fail too
      if (!(value >= 0 && value <= limit)) throw new Malformed()
      before = value
      into[i] = value
    }
  }
  if (at !== bytes.length) throw new Malformed()
  return into
}
