/**
 * Ramulator's text traces: load/store `LD 12345`, memory `R 0x12345` (Ramulator 2) or `0x12345680 R` (Ramulator 1), and
 * SimpleO3's core traces `bubbles load [writeback]`, which are what a filter left over. Addresses are decimal unless 0x.
 */
import { UserError } from '../src/errors.ts'
import { Address, defineFormat, eachLine, READ, WRITE } from '../src/trace/index.ts'
import { allLines, UntimedStream } from './simulators/untimed.ts'

const NUMBER = '(0x[0-9a-f]{1,16}|\\d{1,20})'
const OPERATION_FIRST = new RegExp(`^\\s*(LD|ST|R|W)\\s+${NUMBER}\\s*$`, 'i')
const ADDRESS_FIRST = new RegExp(`^\\s*${NUMBER}\\s+(R|W)\\s*$`, 'i')
const CORE = new RegExp(`^\\s*\\d{1,15}\\s+${NUMBER}(?:\\s+${NUMBER})?\\s*$`, 'i')

export default defineFormat({
  about: 'Ramulator text: LD/ST or R/W with an address, or core traces (bubbles, load, writeback)',
  extensions: ['.ramulator'],
  carries: ['accesses'],
  fidelity: 'every access',
  recognise({ text }) {
    if (allLines(text, OPERATION_FIRST) || allLines(text, ADDRESS_FIRST)) return 0.85
    return allLines(text, CORE) ? 0.6 : 0
  },
  async read(bytes, trace, context) {
    const { file } = context
    const stream = new UntimedStream(trace)
    const address = new Address()
    const read = (text: string): boolean => (/^0x/i.test(text) ? address.hex(text) : address.decimal(text))
    let bubbles = 0
    await eachLine(bytes, trace, context, (line, number) => {
      trace.line = number
      if (line.trim() === '' || line.startsWith('#')) return
      const named = OPERATION_FIRST.exec(line)
      const [, operation, text] = named ?? []
      const [, textBefore, operationAfter] = named ? [] : (ADDRESS_FIRST.exec(line) ?? [])
      const single = text ?? textBefore
      const [, load, writeback] = single === undefined ? (CORE.exec(line) ?? []) : []
      const first = single ?? load
      if (first === undefined || !read(first)) {
        const got = JSON.stringify(line.slice(0, 60))
        throw new UserError('not a record of Ramulator', { file, line: number, expected: 'LD 4096, R 0x1000, 0x1000 R, or 3 4096', got })
      }
      stream.access(address, 0, /^[sw]/i.test(operation ?? operationAfter ?? '') ? WRITE : READ)
      if (single === undefined) bubbles += Number.parseInt(line, 10)
      if (writeback !== undefined) {
        if (!read(writeback)) throw new UserError('address beyond 64 bits', { file, line: number, got: writeback })
        stream.access(address, 0, WRITE)
      }
    })
    if (bubbles > 0) trace.fact('instructions', bubbles + stream.records)
    stream.finish('behind the caches')
  },
})
