/** Rows of text cells into the writer: exact for every way a cell may be written. The byte scanner hands it what is unusual. */
import { UserError } from '../errors.ts'
import { Address } from './address.ts'
import { type AccessKind, MODIFY, READ, type TraceWriter, WRITE } from './format.ts'
import type { Role, TableLayout } from './table-columns.ts'

export const KINDS: Record<string, AccessKind> = {}
for (const word of ['r', 'read', 'load', 'ld', 'l', '0', 'false']) KINDS[word] = READ
for (const word of ['w', 'write', 'store', 'st', 's', '1', 'true']) KINDS[word] = WRITE
for (const word of ['m', 'rw', 'modify', 'rmw', 'atomic', '2']) KINDS[word] = MODIFY

/** A first time beyond this (2^53 ns) becomes the origin: nanoseconds since 1970 do not fit a float. */
const LATEST = BigInt(Number.MAX_SAFE_INTEGER)

export class TableRows {
  /** Rows pushed so far; the time of a row in ns where there is no time column. */
  count = 0
  /** Some row stands for more than one access. */
  weighted = false
  /** Subtracted from all times. */
  originNs = 0n
  readonly #trace: TraceWriter
  readonly #layout: TableLayout
  readonly #file: string
  readonly #weight: number
  readonly #address = new Address()
  #line = 0
  #column = 0

  constructor(trace: TraceWriter, layout: TableLayout, file: string, weight: number) {
    this.#trace = trace
    this.#layout = layout
    this.#file = file
    this.#weight = weight
  }

  /** One row. `line` for messages. */
  row(cells: readonly string[], line: number): void {
    const { roles } = this.#layout
    this.#line = line
    if (cells.length !== roles.length) throw this.#wrongCount(cells.length)
    let timeNs = this.count
    let pid: number | undefined
    let tid: number | undefined
    let cpu = -1
    let kind: AccessKind = READ
    let size = 8
    let weight = this.#weight
    for (this.#column = 0; this.#column < roles.length; this.#column++) {
      const role = roles[this.#column]
      if (role === undefined) continue
      const cell = cells[this.#column]!.trim()
      if (role === 'time') timeNs = this.#time(cell)
      else if (role === 'pid') pid = this.#id(cell)
      else if (role === 'tid') tid = this.#id(cell)
      else if (role === 'cpu') cpu = cell === '' || cell === '-1' ? -1 : this.#count(cell)
      else if (role === 'op') kind = this.#kind(cell)
      else if (role === 'size') size = this.#count(cell)
      else if (role === 'weight') weight = this.#positive(cell)
      else this.#place(cell, role)
    }
    this.#trace.line = line
    const task = this.#trace.task(pid ?? 1, tid ?? pid ?? 1)
    this.#trace.access(timeNs, task, cpu, this.#address.high, this.#address.low, size, kind, weight)
    this.count++
    if (weight !== 1) this.weighted = true
  }

  /** perf prints -1 for a process or thread that is gone. */
  #id(cell: string): number {
    return cell === '-1' ? -1 : this.#count(cell)
  }

  #time(cell: string): number {
    const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(cell)
    if (!match) throw this.#error('not a time', 'a number', cell)
    const [, minus, whole, fraction = ''] = match
    const factor = BigInt(this.#layout.timeFactor)
    const ns = BigInt(whole!) * factor + (BigInt(fraction || '0') * factor) / 10n ** BigInt(fraction.length)
    if (minus === '-' && ns > 0n) throw this.#error('negative time', 'a time from 0 on', cell)
    if (this.count === 0 && ns > LATEST) {
      this.originNs = ns
      this.#trace.fact('timeOriginNs', String(ns))
    }
    if (ns - this.originNs > LATEST) throw this.#error('time too far from the first', 'less than 2^53 ns (104 days)', cell)
    return Number(ns - this.originNs)
  }

  #place(cell: string, role: Role): void {
    const address = this.#address
    const digits = /^(0x)?([0-9a-f]+)$/i.exec(cell)
    const hex = digits?.[1] !== undefined || this.#layout.hexAddress
    if (digits && (hex ? address.hex(cell) : address.decimal(cell))) {
      if (role === 'page') this.#pageToAddress(cell)
      return
    }
    if (digits && (hex || /^\d+$/.test(cell))) throw this.#error(`${role} beyond 64 bits`, 'at most 0xffffffffffffffff', cell)
    throw this.#error(
      `not ${role === 'page' ? 'a page number' : 'an address'}`,
      hex ? 'hexadecimal digits' : 'decimal digits, or 0x and hexadecimal ones',
      cell,
    )
  }

  #pageToAddress(cell: string): void {
    const address = this.#address
    const shift = Math.log2(this.#trace.pageSize)
    if (address.high >>> (32 - shift) !== 0) throw this.#error('page beyond the 64-bit address space', `pages of ${this.#trace.pageSize} bytes`, cell)
    address.high = ((address.high << shift) | (address.low >>> (32 - shift))) >>> 0
    address.low = (address.low << shift) >>> 0
  }

  #kind(cell: string): AccessKind {
    const kind = KINDS[cell.toLowerCase()]
    if (kind === undefined) throw this.#error('not an operation', 'R or W, read or write, load or store, 0 or 1', cell)
    return kind
  }

  #count(cell: string): number {
    const value = /^\d{1,16}$/.test(cell) ? Number(cell) : Number.NaN
    if (!Number.isSafeInteger(value)) throw this.#error('not a whole number', '0 or more', cell)
    return value
  }

  #positive(cell: string): number {
    const value = this.#count(cell)
    if (value < 1) throw this.#error('not a weight', 'a whole number from 1 on', cell)
    return value
  }

  #wrongCount(cells: number): UserError {
    const { names } = this.#layout
    return new UserError('wrong number of fields', {
      file: this.#file,
      line: this.#line,
      expected: `${names.length} (${names.join(', ')})`,
      got: String(cells),
    })
  }

  #error(problem: string, expected: string, cell: string): UserError {
    const got = JSON.stringify(cell.length > 60 ? `${cell.slice(0, 57)}...` : cell)
    return new UserError(problem, { file: this.#file, line: this.#line, field: this.#layout.names[this.#column], expected, got })
  }
}
