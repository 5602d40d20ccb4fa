/** gem5's protobuf packet file (src/proto/packet.proto): `gem5`, then messages, each after its length as a varint. */
import { UserError } from '../../src/errors.ts'
import { Address, damaged, type FormatContext, READ, type TraceWriter, WRITE } from '../../src/trace/index.ts'

/** gem5's default: a tick is 1 ps. */
export const TICKS_PER_SECOND = 1e12
/** Packets take some 30 bytes, the header some kilobytes of names. */
const LARGEST_MESSAGE = 1 << 20

/** Packets as they come from either form. */
export class Packets {
  ticksPerSecond = TICKS_PER_SECOND
  readonly #trace: TraceWriter
  readonly #task: number
  #others = 0

  constructor(trace: TraceWriter) {
    this.#trace = trace
    this.#task = trace.task(1, 1)
  }

  /** `command`: 1 ReadReq, 4 WriteReq (src/mem/packet.hh: MemCmd); the rest is not a load or store by itself. */
  packet(index: number, command: number, address: Address, size: number, tick: number): void {
    this.#trace.line = index
    if (command !== 1 && command !== 4) {
      this.#others++
      return
    }
    const timeNs = Math.floor(tick / (this.ticksPerSecond / 1e9))
    this.#trace.access(timeNs, this.#task, -1, address.high, address.low, size, command === 1 ? READ : WRITE, 1)
  }

  finish(): void {
    this.#trace.fact('ticksPerSecond', this.ticksPerSecond)
    if (this.#others > 0) {
      this.#trace.fact('otherPackets', this.#others)
      this.#trace.lint({
        code: 'other-packets',
        severity: 'info',
        message: `${this.#others} packets are neither read nor write requests (fills, writebacks, upgrades) and were left out`,
        advice: 'Record between the cpu and its cache, or at the memory controller, for plain reads and writes',
      })
    }
  }
}

export async function readPackets(bytes: AsyncIterable<Uint8Array>, packets: Packets, trace: TraceWriter, context: FormatContext): Promise<void> {
  const message = new Message(context.file)
  const address = new Address()
  let rest: Uint8Array = new Uint8Array(0)
  let count = -1
  let at = 4
  for await (const chunk of bytes) {
    const view = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (at < view.length && message.open(view, at)) {
      if (++count === 0) packets.ticksPerSecond = message.header()
      else message.packet(count, packets, address)
      at = message.end
    }
    rest = view.subarray(Math.min(at, view.length))
    at -= view.length - rest.length
  }
  if (count < 0) throw new UserError('the file ends before its header', { file: context.file })
  if (rest.length > 0) damaged(trace, context, { problem: 'the file ends in the middle of a packet', line: count + 1, dropped: 1 })
}

/** Fields of one message, as protobuf's wire format has them: key = number * 8 + type, type 0 varint, 1 and 5 fixed, 2 bytes. */
class Message {
  end = 0
  readonly #file: string
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #limit = 0
  #high = 0
  #low = 0
  #count = 0

  constructor(file: string) {
    this.#file = file
  }

  /** The message that begins at `at` with its length; false when it is not there in full. */
  open(bytes: Uint8Array, at: number): boolean {
    this.#bytes = bytes
    this.#at = at
    this.#limit = bytes.length
    if (!this.#varint()) return false
    if (this.#high > 0 || this.#low > LARGEST_MESSAGE) throw this.#error('a packet larger than 1 MiB')
    this.end = this.#at + this.#low
    this.#limit = this.end
    if (this.end > bytes.length) return false
    this.#count++
    return true
  }

  /** PacketHeader: 3 tick_freq. */
  header(): number {
    let frequency = TICKS_PER_SECOND
    for (let field = this.#next(); field > 0; field = this.#next()) if (field === 3) frequency = this.#number('tick_freq')
    if (frequency < 1e9) throw this.#error('a tick frequency below 1 GHz')
    return frequency
  }

  /** Packet: 1 tick, 2 cmd, 3 addr, 4 size. */
  packet(index: number, packets: Packets, address: Address): void {
    let tick = -1
    let command = 0
    let size = 0
    address.high = address.low = 0
    for (let field = this.#next(); field > 0; field = this.#next()) {
      if (field === 1) tick = this.#number('tick')
      else if (field === 2) command = this.#number('cmd')
      else if (field === 3) {
        address.high = this.#high
        address.low = this.#low
      } else if (field === 4) size = this.#number('size')
    }
    if (tick < 0) throw this.#error('a packet without its tick')
    packets.packet(index, command, address, size, tick)
  }

  /** Number of the next field, its value read; 0 at the end of the message. */
  #next(): number {
    if (this.#at >= this.#limit) return 0
    if (!this.#varint()) throw this.#error('a field that runs beyond its message')
    const type = this.#low & 7
    const field = this.#low >>> 3
    if (type === 0) {
      if (!this.#varint()) throw this.#error('a field that runs beyond its message')
    } else if (type === 2) {
      if (!this.#varint()) throw this.#error('a field that runs beyond its message')
      this.#at += this.#low
      this.#high = this.#low = 0
    } else if (type === 1 || type === 5) this.#at += type === 1 ? 8 : 4
    else throw this.#error(`a field of wire type ${type}`)
    if (this.#at > this.#limit || field === 0) throw this.#error('a field that runs beyond its message')
    return field
  }

  #number(name: string): number {
    const value = this.#high * 2 ** 32 + this.#low
    if (!Number.isSafeInteger(value)) throw this.#error(`${name} beyond 2^53`)
    return value
  }

  /** Up to 10 bytes of 7 bits, into two halves; false at the end of the bytes. */
  #varint(): boolean {
    let high = 0
    let low = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#limit) return false
      const byte = this.#bytes[this.#at++]!
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) {
        this.#high = high >>> 0
        this.#low = low >>> 0
        return true
      }
    }
    throw this.#error('a number longer than 64 bits')
  }

  #error(problem: string): UserError {
    return new UserError(problem, { file: this.#file, line: this.#count })
  }
}
