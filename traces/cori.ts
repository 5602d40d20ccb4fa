/** Cori's traces (github.com/GTkernel/cori-sim): the address of one last-level-cache miss per line; the rest of a line is ignored. */
import { UserError } from '../src/errors.ts'
import { Address, defineFormat, eachLine, READ } from '../src/trace/index.ts'
import { allLines, UntimedStream } from './simulators/untimed.ts'

export default defineFormat({
  about: 'Cori: one address of a cache miss per line',
  extensions: ['.cori'],
  carries: ['accesses'],
  fidelity: 'every access',
  recognise: ({ text }) => (allLines(text, /^0x[0-9a-f]{1,16}(\s|$)/i) ? 0.6 : 0),
  async read(bytes, trace, context) {
    const { file } = context
    const stream = new UntimedStream(trace)
    const address = new Address()
    await eachLine(bytes, trace, context, (line, number) => {
      trace.line = number
      if (line.trim() === '' || line.startsWith('#')) return
      const end = line.search(/\s|$/)
      if (!line.startsWith('0x') || !address.hex(line, 0, end))
        throw new UserError('not an address', { file, line: number, expected: '0x and up to 16 digits', got: JSON.stringify(line.slice(0, 60)) })
      stream.access(address, 0, READ)
    })
    stream.finish('behind the caches')
  },
})
