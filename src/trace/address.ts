/** 64-bit addresses as two unsigned 32-bit halves, read from text without BigInt: no allocation per record. */

const NOT_A_DIGIT = 255
const HEX_VALUE = new Uint8Array(256).fill(NOT_A_DIGIT)
for (let value = 0; value < 16; value++) {
  HEX_VALUE[value.toString(16).charCodeAt(0)] = value
  HEX_VALUE[value.toString(16).toUpperCase().charCodeAt(0)] = value
}

/** Holds the number read last. Both readers answer false for anything but digits, and for a number beyond 64 bits. */
export class Address {
  high = 0
  low = 0

  /** Hexadecimal digits of `text[from, to)`, with or without 0x. */
  hex(text: string, from = 0, to = text.length): boolean {
    let i = from
    if (to - i > 2 && text.charCodeAt(i) === 0x30 && (text.charCodeAt(i + 1) | 0x20) === 0x78) i += 2
    if (i >= to) return false
    let high = 0
    let low = 0
    for (; i < to; i++) {
      const code = text.charCodeAt(i)
      const digit = code < 256 ? HEX_VALUE[code]! : NOT_A_DIGIT
      if (digit === NOT_A_DIGIT || high > 0x0fff_ffff) return false
      high = ((high << 4) | (low >>> 28)) >>> 0
      low = ((low << 4) | digit) >>> 0
    }
    this.high = high
    this.low = low
    return true
  }

  /** Decimal digits of `text[from, to)`. */
  decimal(text: string, from = 0, to = text.length): boolean {
    if (from >= to) return false
    let high = 0
    let low = 0
    for (let i = from; i < to; i++) {
      const digit = text.charCodeAt(i) - 0x30
      if (digit < 0 || digit > 9) return false
      const lower = low * 10 + digit
      low = lower >>> 0
      high = high * 10 + Math.floor(lower / 2 ** 32)
      if (high > 0xffff_ffff) return false
    }
    this.high = high
    this.low = low
    return true
  }
}
