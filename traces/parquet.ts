/** Parquet tables with a row per access: time_ns, pid, tid, cpu, op, addr, size, weight, under the usual names (pandas, DuckDB). */
import { UserError } from '../src/errors.ts'
import { defineFormat, readParquet, TABLE_OPTIONS } from '../src/trace/index.ts'

export default defineFormat({
  about: 'Parquet table of accesses: time_ns, pid, tid, cpu, op, addr, size, weight',
  extensions: ['.parquet'],
  carries: ['accesses', 'tasks', 'cpus', 'time'],
  fidelity: 'every access',
  options: TABLE_OPTIONS,
  recognise: ({ text }) => (text.startsWith('PAR1') ? 1 : 0),
  async read(bytes, trace, context) {
    // its footer is at the end, so it is read by position
    for await (const chunk of bytes) {
      if (Buffer.from(chunk.subarray(0, 4)).toString('latin1') !== 'PAR1') throw new UserError('not a Parquet file', { file: context.file })
      break
    }
    await readParquet(context.file, trace, context)
  },
})
