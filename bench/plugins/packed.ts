/** The traces of c/generate.c: little-endian u32, one per access: page << 8 | cpu << 1 | write. One access each 10 ns. */
import { defineFormat, eachRecords, READ, WRITE } from 'numareplay/format'

const PID = 4242
const STEP_NS = 10

export default defineFormat({
  about: 'packed accesses of the benchmark',
  extensions: ['.u32'],
  recognise: () => 0,
  carries: ['accesses', 'tasks', 'cpus', 'time'],
  fidelity: 'every access',
  async read(bytes, trace) {
    await eachRecords(bytes, 4, (view, records, first) => {
      for (let i = 0; i < records; i++) {
        const word = view.getUint32(4 * i, true)
        const cpu = (word >>> 1) & 127
        const task = trace.task(PID, PID + cpu) // one task per cpu, as in the CSV of the same accesses
        trace.access((first + i) * STEP_NS, task, cpu, word >>> 28, (word >>> 8) << 12, 8, word & 1 ? WRITE : READ, 1)
      }
    })
  },
})
