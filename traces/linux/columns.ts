/**
 * Where the columns after the event lie in a line. Addresses are right-aligned in 16 characters, the data and instruction
 * address after a blank of their own (17 and more), the physical address without (16): that tells them apart when others miss.
 */
export class Columns {
  addressStart = 0
  addressEnd = 0
  physicalStart = 0
  physicalEnd = 0
  dataSrcStart = 0
  dataSrcEnd = 0
  weight = 0

  split(line: string, from: number): void {
    this.addressEnd = this.physicalEnd = this.dataSrcEnd = this.weight = 0
    const decoded = line.indexOf('|OP ', from)
    if (decoded < 0) this.#plain(line, from)
    else this.#withDataSrc(line, from, decoded)
  }

  /** `addr [symbol] [(dso)] data_src |OP … weight… [ip symbol (dso)] [phys_addr] [page size]`. */
  #withDataSrc(line: string, from: number, decoded: number): void {
    let columns = 0
    for (let at = skipBlanks(line, from), previous = from; at < decoded; ) {
      const end = wordEnd(line, at)
      if (isColumn(line, previous, at, end)) {
        if (columns++ === 0) {
          this.addressStart = at
          this.addressEnd = end
        }
        this.dataSrcStart = at
        this.dataSrcEnd = end
      }
      previous = end
      at = skipBlanks(line, end)
    }
    if (columns === 1) this.addressEnd = 0
    let hasWeight = false
    for (let at = decoded, previous = decoded; at < line.length; ) {
      const end = wordEnd(line, at)
      if (!hasWeight && end - previous >= 16 && isDecimal(line, at, end)) {
        hasWeight = true
        this.weight = Number(line.slice(at, end))
      } else if (hasWeight && end - previous === 16 && isColumn(line, previous, at, end)) {
        this.physicalStart = at
        this.physicalEnd = end
      }
      previous = end
      at = skipBlanks(line, end)
    }
  }

  /** `addr [symbol] [(dso)] [ip symbol (dso)] [phys_addr]`; one column followed by a symbol is the instruction pointer. */
  #plain(line: string, from: number): void {
    let columns = 0
    let words = 0
    for (let at = skipBlanks(line, from), previous = from; at < line.length; words++) {
      const end = wordEnd(line, at)
      if (isColumn(line, previous, at, end)) {
        if (columns > 0 && end - previous === 16) {
          this.physicalStart = at
          this.physicalEnd = end
        } else if (columns === 0) {
          this.addressStart = at
          this.addressEnd = end
        }
        columns++
      }
      previous = end
      at = skipBlanks(line, end)
    }
    const onlyInstruction = columns - (this.physicalEnd > 0 ? 1 : 0) === 1 && words > columns
    if (onlyInstruction) this.addressEnd = 0
  }
}

function isColumn(line: string, previousEnd: number, from: number, to: number): boolean {
  if (to - previousEnd < 16 || to - from > 16) return false
  for (let i = from; i < to; i++) {
    const code = line.charCodeAt(i)
    if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66))) return false
  }
  return true
}

export function isDecimal(text: string, from: number, to: number): boolean {
  if (from >= to || to - from > 15) return false
  for (let i = from; i < to; i++) if (text.charCodeAt(i) < 0x30 || text.charCodeAt(i) > 0x39) return false
  return true
}

export function skipBlanks(text: string, from: number): number {
  let at = from
  while (at < text.length && text.charCodeAt(at) <= 0x20) at++
  return at
}

export function wordEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && text.charCodeAt(at) > 0x20) at++
  return at
}
