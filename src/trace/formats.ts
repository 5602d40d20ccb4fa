/** Trace formats: those in traces/ and files of the user's, and which of them a file is in. */
import { UserError } from '../errors.ts'
import { isPluginPath, listPlugins, loadPlugin, loadPluginFile } from '../plugins.ts'
import type { FileHead, TraceFormat } from './format.ts'
import { NATIVE_MAGIC } from './native-file.ts'

export interface NamedFormat {
  name: string
  format: TraceFormat
}

/** All formats of traces/, by name. */
export async function listFormats(): Promise<NamedFormat[]> {
  return Promise.all(listPlugins('traces').map(async (name) => ({ name, format: await loadPlugin<TraceFormat>('traces', name, 'format') })))
}

/** `--format NAME` or `--format ./mine.ts`. */
export async function loadFormat(name: string): Promise<NamedFormat> {
  if (!isPluginPath(name)) return { name, format: await loadPlugin<TraceFormat>('traces', name, 'format') }
  const file = await loadPluginFile<TraceFormat>(name, 'format')
  if (typeof file.value?.recognise !== 'function')
    throw new UserError('the default export is not a format', { file: name, expected: 'export default defineFormat({ … })' })
  return { name: file.name, format: file.value }
}

/** The format a file is in, by its content. */
export async function recognise(head: FileHead, file: string): Promise<NamedFormat> {
  // what is replayed over and over need not wait for all formats to be loaded
  if (head.text.startsWith(NATIVE_MAGIC)) return loadFormat('native')
  const formats = await listFormats()
  const found = surest(formats, (format) => format.recognise(head))
  if (found) return found
  const binary = isBinary(head.bytes)
  throw new UserError(binary ? 'binary data in no known trace format' : 'no known trace format', {
    file,
    expected: formats.map(({ name }) => name).join(', '),
    got: binary ? `bytes ${Buffer.from(head.bytes.subarray(0, 8)).toString('hex')} …` : JSON.stringify(head.text.trimStart().slice(0, 40)),
    hint: 'Name the format with --format, or read docs/writing-a-format.md',
  })
}

/** The format of a recording that is a folder. */
export async function recogniseFolder(names: readonly string[], folder: string): Promise<NamedFormat> {
  const found = surest(await listFormats(), (format) => ('recogniseFolder' in format ? (format.recogniseFolder?.(names) ?? 0) : 0))
  if (found) return found
  throw new UserError('this is a directory, and not a recording that is one', { file: folder, expected: 'a trace file' })
}

/** Highest score above 0; the first by name where several are equal. */
function surest(formats: NamedFormat[], score: (format: TraceFormat) => number): NamedFormat | undefined {
  let best: NamedFormat | undefined
  let bestScore = 0
  for (const candidate of formats) {
    const itsScore = score(candidate.format)
    if (itsScore <= bestScore) continue
    best = candidate
    bestScore = itsScore
  }
  return best
}

/** Control bytes that no text file has. */
export function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 4096).some((byte) => byte < 9 || (byte > 13 && byte < 32 && byte !== 27))
}
