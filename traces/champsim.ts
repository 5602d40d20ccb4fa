/**
 * ChampSim's instruction traces (inc/trace_instruction.h: input_instr, 64 bytes; cloudsuite_instr, 96 bytes with padding):
 * addresses that an instruction stores to and loads from, 0 where there is none. One thread, no time, before any cache.
 */
import { UserError } from '../src/errors.ts'
import { Address, damaged, defineFormat, eachRecords, READ, WRITE } from '../src/trace/index.ts'
import { UntimedStream } from './simulators/untimed.ts'

/** Offsets of the memory operands in a record. */
const LAYOUTS = {
  champsim: { bytes: 64, stores: [16, 24], loads: [32, 40, 48, 56] },
  cloudsuite: { bytes: 96, stores: [24, 32, 40, 48], loads: [56, 64, 72, 80] },
}

export default defineFormat({
  about: 'ChampSim instruction trace (decompress .xz first)',
  extensions: ['.champsim', '.champsimtrace'],
  carries: ['accesses'],
  fidelity: 'every access',
  options: { variant: 'champsim (default) or cloudsuite: the layout of a record' },
  recognise({ bytes }) {
    const records = Math.min(200, Math.floor(bytes.length / 64))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let operands = 0
    for (let at = 0; at < records * 64; at += 64) {
      // flags of 0 and 1, and addresses as x86-64 has them: canonical, instructions not at 0
      if (view.getUint8(at + 8) > 1 || view.getUint8(at + 9) > view.getUint8(at + 8)) return 0
      if (view.getUint32(at, true) === 0 && view.getUint32(at + 4, true) === 0) return 0
      for (const offset of [0, 16, 24, 32, 40, 48, 56]) {
        const top = view.getUint16(at + offset + 6, true)
        if (top !== 0 && top !== 0xffff) return 0
        if (offset > 0 && view.getUint32(at + offset, true) !== 0) operands++
      }
    }
    return records >= 4 && operands > 0 ? 0.7 : 0
  },
  async read(bytes, trace, context) {
    const variant = context.options['variant'] ?? 'champsim'
    const layout = LAYOUTS[variant as keyof typeof LAYOUTS]
    if (!Object.hasOwn(LAYOUTS, variant))
      throw new UserError('unknown variant', { field: '--format-option variant', expected: Object.keys(LAYOUTS).join(' or '), got: variant })
    const stream = new UntimedStream(trace)
    const address = new Address()
    let instructions = 0
    const left = await eachRecords(bytes, layout.bytes, (view, records, first) => {
      instructions += records
      for (let i = 0; i < records; i++) {
        trace.line = first + i + 1
        const at = i * layout.bytes
        for (const [offsets, kind] of [
          [layout.loads, READ],
          [layout.stores, WRITE],
        ] as const) {
          // biome-ignore format: a table
          for (const offset of offsets) {
            address.low = view.getUint32(at + offset, true)
            address.high = view.getUint32(at + offset + 4, true)
            if (address.low !== 0 || address.high !== 0) stream.access(address, 0, kind)
          }
        }
      }
    })
    if (left > 0) damaged(trace, context, { problem: 'the file ends in the middle of a record', line: instructions + 1, dropped: 1 })
    trace.fact('instructions', instructions)
    stream.finish('before a cache')
  },
})
