/**
 * Arrow IPC tables with a row per access, as a file (`ARROW1`, Feather version 2) or a stream: time_ns, pid, tid, cpu, op, addr,
 * size, weight, under the usual names. Record batches are read one after the other; a file holds a stream after its first 8 bytes.
 */
import { defineFormat, readArrow, TABLE_OPTIONS } from '../src/trace/index.ts'

/** A stream begins with a continuation mark and the length of the schema (Arrow columnar format, IPC). */
const STREAM = '\xff\xff\xff\xff'

export default defineFormat({
  about: 'Arrow IPC file or stream (Feather 2) of accesses: time_ns, pid, tid, cpu, op, addr, size, weight',
  extensions: ['.arrow', '.feather', '.arrows'],
  carries: ['accesses', 'tasks', 'cpus', 'time'],
  fidelity: 'every access',
  options: TABLE_OPTIONS,
  recognise({ text, bytes }) {
    if (text.startsWith('ARROW1')) return 1
    // then the length of the schema message, below 1 MiB and a multiple of 8
    return text.startsWith(STREAM) && bytes[4]! % 8 === 0 && bytes[6]! < 16 && bytes[7] === 0 && bytes.length > 64 ? 0.6 : 0
  },
  read: (bytes, trace, context) => readArrow(bytes, trace, context),
})
