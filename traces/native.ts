/** The native file: a recording that was imported once and is replayed many times. docs/format.md describes it. */
import { defineFormat, NATIVE_MAGIC, openNative } from '../src/trace/index.ts'

export default defineFormat({
  about: 'The native file of numareplay: folded into ticks, compressed, read block by block',
  extensions: ['.nrt'],
  carries: ['accesses', 'tasks', 'cpus', 'time', 'events'],
  fidelity: 'every access',
  recognise: ({ text }) => (text.startsWith(NATIVE_MAGIC) ? 1 : 0),
  open: openNative,
})
