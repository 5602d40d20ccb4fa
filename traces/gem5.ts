/**
 * gem5 packet traces (CommMonitor, MemTraceProbe): the protobuf file `gem5…`, or its text by util/decode_packet_trace.py:
 * `[id,]r|w|u,address,size[,flags],tick[,pc]`, decimal. Physical addresses; where the monitor sat decides whether caches are behind it.
 */
import { UserError } from '../src/errors.ts'
import { Address, defineFormat, eachLine, type FormatContext, type TraceWriter } from '../src/trace/index.ts'
import { Packets, readPackets, TICKS_PER_SECOND } from './simulators/gem5-packets.ts'
import { allLines } from './simulators/untimed.ts'

const LINE = /^(?:\d{1,20},)?([rwu]),(\d{1,20}),(\d{1,9})((?:,\d{1,20}){1,3})\s*$/

export default defineFormat({
  about: 'gem5 packet trace: protobuf, or text of decode_packet_trace.py',
  extensions: ['.ptrc', '.trc.gz'],
  carries: ['accesses', 'time', 'physical addresses'],
  fidelity: 'every access',
  options: { 'tick-frequency': 'ticks a second of a text (default 1000000000000)', flags: 'yes (default) or no: whether the text has flags before the tick' },
  recognise: ({ text, bytes }) => (startsProtobuf(bytes) ? 1 : allLines(text, LINE) ? 0.9 : 0),
  async read(bytes, trace, context) {
    const packets = new Packets(trace)
    const input = await peekFour(bytes)
    if (startsProtobuf(input.first)) await readPackets(input.all(), packets, trace, context)
    else await readText(input.all(), packets, context, trace)
    packets.finish()
  },
})

const startsProtobuf = (bytes: Uint8Array): boolean => String.fromCharCode(...bytes.subarray(0, 4)) === 'gem5'

async function readText(bytes: AsyncIterable<Uint8Array>, packets: Packets, context: FormatContext, trace: TraceWriter): Promise<void> {
  const { file, options } = context
  const frequency = Number(options['tick-frequency'] ?? TICKS_PER_SECOND)
  if (!(frequency >= 1e9)) throw new UserError('not a frequency', { field: '--format-option tick-frequency', expected: '1e9 or more', got: String(frequency) })
  packets.ticksPerSecond = frequency
  const hasFlags = (options['flags'] ?? 'yes') !== 'no'
  const address = new Address()
  await eachLine(bytes, trace, context, (line, number) => {
    trace.line = number
    if (line.trim() === '' || line.startsWith('#')) return
    const match = LINE.exec(line)
    if (!match || !address.decimal(match[2]!)) {
      const got = JSON.stringify(line.slice(0, 60))
      throw new UserError('not a packet', { file, line: number, expected: 'r,4096,64,0,77000', got })
    }
    const rest = match[4]!.slice(1).split(',')
    // a single number after the size is the tick
    const tick = Number(rest.length === 1 || !hasFlags ? rest[0] : rest[1])
    if (!Number.isSafeInteger(tick)) throw new UserError('a tick beyond 2^53', { file, line: number, got: String(tick) })
    packets.packet(number, { r: 1, w: 4 }[match[1]!] ?? 0, address, Number(match[3]), tick)
  })
}

/** The first four bytes, without losing them. */
async function peekFour(bytes: AsyncIterable<Uint8Array>) {
  const iterator = bytes[Symbol.asyncIterator]()
  let first: Uint8Array = new Uint8Array(0)
  while (first.length < 4) {
    const next = await iterator.next()
    if (next.done) break
    first = Buffer.concat([first, next.value])
  }
  return {
    first,
    async *all(): AsyncGenerator<Uint8Array> {
      yield first
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
    },
  }
}
