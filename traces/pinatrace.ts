/**
 * Output of Pin's example tool pinatrace (ManualExamples/pinatrace.cpp): `0x<pc>: R 0x<address>`, ending in `#eof`. Many people
 * add a column with the size or the thread; --format-option third=size|tid says which.
 */
import { UserError } from '../src/errors.ts'
import { Address, damaged, defineFormat, eachLine, READ, WRITE } from '../src/trace/index.ts'
import { allLines, beforeCache } from './simulators/untimed.ts'

const LINE = /^0x[0-9a-f]{1,16}:\s+([RW])\s+(0x[0-9a-f]{1,16})(?:\s+(\d{1,10}))?\s*$/i

export default defineFormat({
  about: "Pin's pinatrace: pc, R or W, address",
  extensions: ['.pinatrace', 'pinatrace.out'],
  carries: ['accesses'],
  fidelity: 'every access',
  options: { third: 'what a number after the address is: size or tid (default: left out)' },
  recognise: ({ text }) => (allLines(text, LINE) ? 0.95 : 0),
  async read(bytes, trace, context) {
    const { file, options } = context
    const third = options['third']
    if (third !== undefined && third !== 'size' && third !== 'tid')
      throw new UserError('unknown meaning', { field: '--format-option third', expected: 'size or tid', got: third })
    const address = new Address()
    let records = 0
    let complete = false
    await eachLine(bytes, trace, context, (line, number) => {
      trace.line = number
      if (line.startsWith('#')) complete ||= line.startsWith('#eof')
      if (line.trim() === '' || line.startsWith('#')) return
      const match = LINE.exec(line)
      if (!match || !address.hex(match[2]!))
        throw new UserError('not a pinatrace record', { file, line: number, expected: '0x401000: R 0x7ffe10', got: JSON.stringify(line.slice(0, 60)) })
      const number3 = match[3] === undefined ? undefined : Number(match[3])
      const tid = third === 'tid' && number3 !== undefined ? number3 : 1
      const size = third === 'size' && number3 !== undefined ? number3 : 0
      trace.access(records++, trace.task(1, tid), -1, address.high, address.low, size, match[1]!.toUpperCase() === 'R' ? READ : WRITE, 1)
    })
    if (!complete) damaged(trace, context, { problem: 'the last line is not #eof: the recording is not complete', line: trace.line })
    if (third === 'tid') trace.describe({ carries: ['accesses', 'tasks'] })
    trace.fact('timeSource', 'number of the data record, 1 ns apart')
    beforeCache(trace)
  },
})
