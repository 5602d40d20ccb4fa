/** DRAMSim2's k6 and mase traces and DRAMsim3's: `0xaddress command cycle`, physical addresses behind the caches. */
import { UserError } from '../src/errors.ts'
import { Address, defineFormat, eachLine, READ, WRITE } from '../src/trace/index.ts'
import { parsePicoseconds } from '../src/units.ts'
import { allLines } from './simulators/untimed.ts'

const LINE = /^(0x[0-9a-f]{1,16})\s+(P_MEM_RD|P_MEM_WR|P_FETCH|P_LOCK_RD|P_LOCK_WR|BOFF|READ|WRITE|IFETCH)\s+(\d{1,15})\s*$/i

export default defineFormat({
  about: 'DRAMSim2 (k6, mase) and DRAMsim3 text: address, command, cycle',
  extensions: ['.trc'],
  carries: ['accesses', 'time', 'physical addresses'],
  fidelity: 'every access',
  options: { cycle: 'length of a cycle, such as 0.833ns (default 1ns)' },
  recognise: ({ text }) => (allLines(text, LINE) ? 0.95 : 0),
  async read(bytes, trace, context) {
    const { file, options } = context
    const cyclePs = parsePicoseconds(options['cycle'] ?? '1ns', '--format-option cycle')
    const address = new Address()
    const task = trace.task(1, 1)
    let others = 0
    await eachLine(bytes, trace, context, (line, number) => {
      trace.line = number
      if (line.trim() === '' || line.startsWith('#')) return
      const match = LINE.exec(line)
      if (!match || !address.hex(match[1]!)) {
        const got = JSON.stringify(line.slice(0, 60))
        throw new UserError('not a DRAMSim record', { file, line: number, expected: '0x1000 READ 42', got })
      }
      const command = match[2]!.toUpperCase()
      const timeNs = Math.floor((Number(match[3]) * cyclePs) / 1000)
      if (/WR/.test(command)) trace.access(timeNs, task, -1, address.high, address.low, 0, WRITE, 1)
      else if (/RD|READ/.test(command)) trace.access(timeNs, task, -1, address.high, address.low, 0, READ, 1)
      else others++
    })
    trace.fact('timeSource', `cycles of ${cyclePs} ps`)
    if (others > 0) trace.fact('otherRecords', others)
    trace.describe({ filtered: 'recorded behind the caches' })
  },
})
