/** Lines of a text file from its bytes, of any length in bounded memory. */
import { UserError } from '../errors.ts'
import { damaged, inLastLine } from './damage.ts'
import type { FormatContext, TraceWriter } from './format.ts'

/** No text format here has longer lines; a longer one is not text, or not line by line. */
const LONGEST_LINE = 1 << 20

/**
 * Calls `onLine` for each line, without its `\n` or `\r\n`. Bytes become latin-1 characters, so that no input is refused for
 * its encoding and offsets in the line are offsets in the file. A last line without an end may be cut off anywhere, also within a
 * number: with `--lenient` it is dropped.
 */
export async function eachLine(
  bytes: AsyncIterable<Uint8Array>,
  trace: TraceWriter,
  context: FormatContext,
  onLine: (line: string, number: number) => void,
): Promise<void> {
  let rest = ''
  let number = 0
  for await (const chunk of bytes) {
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const line = start === 0 ? rest + text.slice(0, end) : text.slice(start, end)
      rest = ''
      start = end + 1
      onLine(line.endsWith('\r') ? line.slice(0, -1) : line, ++number)
    }
    rest += text.slice(start)
    if (rest.length > LONGEST_LINE) throw new UserError('a line longer than 1 MiB', { file: context.file, line: number + 1, hint: 'Is this a text file?' })
  }
  if (rest === '') return
  if (context.lenient) damaged(trace, context, { problem: 'the last line has no end', line: number + 1, dropped: 1 })
  else
    try {
      onLine(rest, number + 1)
    } catch (error) {
      throw inLastLine(error)
    }
}
