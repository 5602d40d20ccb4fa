/**
 * Dinero's input `din` (Dinero IV, D4 manual): `label address`, label 0 read, 1 write, 2 instruction fetch, 3 other, 4 flush;
 * hexadecimal address; extended din adds a size, hexadecimal too. The rest of a line is a comment.
 */
import { UserError } from '../src/errors.ts'
import { Address, defineFormat, eachLine, READ, WRITE } from '../src/trace/index.ts'
import { allLines, UntimedStream } from './simulators/untimed.ts'

const LINE = /^\s*([0-4rwi])\s+(?:0x)?([0-9a-f]{1,16})(?:\s+([0-9a-f]{1,4}))?(?:\s|$)/i
const LETTER = /^\s*\d\s+(?:0x)?[0-9a-f]*[a-f]/im

export default defineFormat({
  about: 'Dinero din: label and address',
  extensions: ['.din', '.xdin'],
  carries: ['accesses'],
  fidelity: 'every access',
  // decimal digits only may be another simulator's trace of two numbers
  recognise: ({ text, fileName }) => (!allLines(text, LINE) ? 0 : /\.x?din$/.test(fileName) ? 0.95 : LETTER.test(text) ? 0.8 : 0.5),
  async read(bytes, trace, context) {
    const { file } = context
    const stream = new UntimedStream(trace)
    const address = new Address()
    let fetches = 0
    let others = 0
    await eachLine(bytes, trace, context, (line, number) => {
      trace.line = number
      if (line.trim() === '' || line.startsWith('#')) return
      const match = LINE.exec(line)
      if (!match || !address.hex(match[2]!)) {
        const got = JSON.stringify(line.slice(0, 60))
        throw new UserError('not a din record', { file, line: number, expected: 'label and hexadecimal address, such as 0 7ffe10', got })
      }
      const label = match[1]!.toLowerCase()
      const size = match[3] === undefined ? 0 : Number.parseInt(match[3], 16)
      if (label === '0' || label === 'r') stream.access(address, size, READ)
      else if (label === '1' || label === 'w') stream.access(address, size, WRITE)
      else if (label === '2' || label === 'i') fetches++
      else others++
    })
    trace.fact('instructions', fetches)
    if (others > 0) trace.fact('otherRecords', others)
    stream.finish('before a cache')
  },
})
