/**
 * Recorded times as integer nanoseconds below 2^53. Clocks since boot fit as they are (104 days); a wall clock does not, and
 * is then counted from the whole second of its first time, which `origin` tells.
 */
export class SecondsClock {
  /** Seconds subtracted from every time. */
  origin = 0
  #started = false

  /** `26.878105` or `26.878105487` in `text[from, to)`; NaN when it is not a time. Digits below a nanosecond are refused. */
  parse(text: string, from: number, to: number): number {
    const dot = text.indexOf('.', from)
    if (dot <= from || dot >= to - 1 || to - dot > 10 || dot - from > 12) return Number.NaN
    const seconds = digits(text, from, dot)
    const fraction = digits(text, dot + 1, to) * 10 ** (10 - (to - dot))
    if (!this.#started) this.#start(seconds)
    return (seconds - this.origin) * 1e9 + fraction
  }

  #start(seconds: number): void {
    this.#started = true
    if (seconds * 1e9 > Number.MAX_SAFE_INTEGER / 2) this.origin = seconds
  }
}

function digits(text: string, from: number, to: number): number {
  let value = 0
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return value
}
