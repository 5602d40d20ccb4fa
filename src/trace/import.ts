/** From a recording to the native file, in bounded memory. */
import { resolve } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { UserError } from '../errors.ts'
import { NativeFileWriter } from './native-file.ts'
import { find, type OpenOptions, type Recording } from './open.ts'
import type { PreparedTrace } from './prepared.ts'
import { allBlocks, regroup } from './regroup.ts'
import { SpillFile } from './spill.ts'
import { type FoldedTrace, FoldingWriter } from './writer.ts'

/** Writes the native file `out`; nothing remains of it when something goes wrong. A native file comes out byte for byte. */
export async function importTrace(name: string, out: string, options: OpenOptions = {}): Promise<void> {
  if (resolve(name) === resolve(out)) throw new UserError('the output would replace the recording', { file: out, expected: 'another name' })
  const found = await find(name, options)
  if ('open' in found) await writeNative(out, refolded(found.open(), options))
  else await importRecording(found, name, out, options)
}

async function importRecording(recording: Recording, name: string, out: string, { pageSize, tickNs }: OpenOptions): Promise<void> {
  const spill = new SpillFile(out)
  try {
    const writer = new FoldingWriter({ file: name, pageSize, tickNs }, spill)
    await recording.read(writer)
    await writeNative(out, writer.finish(recording.facts))
  } finally {
    spill.remove()
  }
}

function refolded(trace: PreparedTrace, { pageSize, tickNs }: OpenOptions): FoldedTrace {
  if (pageSize !== undefined && pageSize !== trace.meta.pageSize)
    throw new UserError('a folded trace keeps its page size', {
      file: trace.meta.file,
      field: '--page-size',
      expected: String(trace.meta.pageSize),
      got: String(pageSize),
      hint: 'Import the recording itself with this page size',
    })
  const wanted = tickNs === undefined ? trace : regroup(trace, tickNs)
  const { blocks: _, block: __, ticks: ___, tickStartNs, stored: ____, ...tables } = wanted
  return { tables, tickStartNs, blocks: allBlocks(wanted) }
}

async function writeNative(out: string, { tables, tickStartNs, blocks }: FoldedTrace): Promise<void> {
  const file = new NativeFileWriter(out)
  try {
    for (const block of blocks) {
      file.block(block)
      // signals are seen between turns
      await turn()
    }
    file.finish(tables, tickStartNs)
  } catch (error) {
    file.abort()
    throw error
  }
}
