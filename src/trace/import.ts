/** From a recording or a workload to a file: the native one, CSV, Parquet or Arrow. Bounded memory. */
import { resolve } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { UserError } from '../errors.ts'
import { AccessRecorder } from './access-recorder.ts'
import { ArrowTableWriter } from './arrow-writer.ts'
import { type EncodedBlock, encoded } from './block-codec.ts'
import { CsvWriter } from './csv-writer.ts'
import { type FoldedTrace, tablesOf } from './folded-trace.ts'
import type { LintVerdict } from './format.ts'
import { NativeFileWriter } from './native-file.ts'
import { findAccesses, findReady, fold, type OpenOptions, readThrough } from './open.ts'
import { ParquetTableWriter } from './parquet-writer.ts'
import type { PreparedTrace } from './prepared.ts'
import type { Refold } from './refold.ts'
import { allBlocks } from './regroup.ts'
import { Resume } from './resume.ts'
import { Scratch } from './scratch.ts'
import { SpillFile } from './spill.ts'
import type { FoldingWriter } from './writer.ts'

/** Accesses between two states that an interrupted import can go on from: some seconds of work. */
const CHECKPOINT_EVERY = 2 ** 24

/**
 * Writes the native file `out`; nothing remains of it when something goes wrong, but an interrupted import goes on where it
 * was (resume.ts). A native file comes out byte for byte.
 */
export async function importTrace(name: string, out: string, given: OpenOptions = {}): Promise<void> {
  if (resolve(name) === resolve(out)) throw new UserError('the output would replace the recording', { file: out, expected: 'another name' })
  let writer: FoldingWriter | undefined
  const progress = given.progress && ((share: number) => given.progress!(share, writer?.taken))
  const options = { ...given, progress }
  const trace = await (options.keepAccesses ? findAccesses : findReady)(name, options)
  if ('meta' in trace) {
    const { tickStartNs } = trace
    await writeNative(new NativeFileWriter(out), encodedAll(trace), () => ({ ...tablesOf(trace), tickStartNs }))
    return
  }
  if (trace.refold) {
    await writeRefolded(trace.refold(), out, given)
    return
  }
  const { through, sampleOneIn = 1, keepAccesses, checkpointEvery = CHECKPOINT_EVERY } = options
  if (keepAccesses && sampleOneIn !== 1)
    throw new UserError('accesses are kept of all pages or not at all', {
      field: '--keep-accesses',
      expected: 'no --sample',
      hint: 'A file that keeps all accesses can be imported with --sample',
    })
  // what stands in between, and the sample, have states of their own
  const resume = through === undefined && sampleOneIn === 1 ? new Resume(out, name, options) : undefined
  const stays = () => resume?.interrupted() ?? false
  const spill = new SpillFile(out, stays)
  const scratch = new Scratch(`${out}.scratch`)
  // accesses go into the file as they come
  const file = keepAccesses ? new NativeFileWriter(out, stays) : undefined
  const prepare = (made: FoldingWriter) => {
    writer = made
    if (resume?.found) {
      spill.restore(resume.found.spill)
      if (resume.found.output) file?.restore(resume.found.output)
      writer.restore(resume.found.writer)
      // from now on it is this process's
      resume.save(resume.found)
    }
    writer.checkpoints(resume ? checkpointEvery : Number.POSITIVE_INFINITY, (state) => {
      const spilled = spill.saved()
      if (spilled) resume!.save({ writer: state, spill: spilled, output: file?.saved() })
    })
  }
  const recorder = file && new AccessRecorder((bytes, shape) => file.accesses(bytes, shape))
  try {
    const folded = await fold(trace, name, options, spill, { recorder, prepare })
    await writeNative(file ?? new NativeFileWriter(out), folded.encodedBlocks(scratch), () => folded)
  } finally {
    file?.abort()
    spill.remove()
    scratch.remove()
    resume?.done()
  }
}

/** Names of tables of single accesses: `.parquet`, `.arrow` or `.feather`, `.csv` or `.csv.gz`. */
export function isTableName(out: string): boolean {
  return /\.(parquet|arrow|feather|csv|csv\.gz)$/.test(out)
}

async function tableWriter(out: string, pageSize: number | undefined): Promise<ParquetTableWriter | ArrowTableWriter | CsvWriter> {
  if (out.endsWith('.parquet')) return ParquetTableWriter.create(out, pageSize)
  return /\.(arrow|feather)$/.test(out) ? ArrowTableWriter.create(out, pageSize) : new CsvWriter(out, pageSize)
}

/** Writes a generated or recorded trace as a table of accesses; answers how many events have no place in it. `onVerdict` hears what is doubtful. */
export async function exportTable(name: string, out: string, options: OpenOptions = {}, onVerdict?: (verdict: LintVerdict) => void): Promise<number> {
  if (resolve(name) === resolve(out)) throw new UserError('the output would replace the recording', { file: out, expected: 'another name' })
  const found = await findAccesses(name, options)
  if (options.sampleOneIn !== undefined && options.sampleOneIn !== 1)
    throw new UserError('a table holds every access', { file: out, field: '--sample', expected: 'a native file (.nrt) to write a sample of pages to' })
  const table = await tableWriter(out, options.pageSize)
  try {
    await readThrough(found, table, options)
    table.finish()
  } catch (error) {
    table.abort()
    throw error
  }
  for (const verdict of table.verdicts) onVerdict?.(verdict)
  return table.eventsLeftOut
}

function* encodedAll(trace: PreparedTrace): Iterable<EncodedBlock> {
  const free: Buffer[] = []
  for (const block of allBlocks(trace)) yield encoded(block, free)
}

/** Accesses that are folded again: what is interrupted begins anew, which takes no longer than looking where it was. */
async function writeRefolded(refold: Refold, out: string, { keepAccesses, progress }: OpenOptions): Promise<void> {
  const scratch = new Scratch(`${out}.scratch`)
  const file = new NativeFileWriter(out)
  try {
    if (keepAccesses) {
      for (const { bytes, shape } of refold.stored()) {
        file.accesses(bytes, shape)
        await turn()
      }
    }
    await writeNative(file, refold.encodedBlocks({ scratch }, progress), () => {
      const { eventsAt, ...rest } = refold.finish()
      return keepAccesses ? { ...rest, eventsAt } : rest
    })
  } finally {
    file.abort()
    scratch.remove()
  }
}

/** `rest` is asked for when all blocks are written. */
async function writeNative(
  file: NativeFileWriter,
  blocks: Iterable<EncodedBlock> | AsyncIterable<EncodedBlock>,
  rest: () => Omit<FoldedTrace, 'blocks' | 'encodedBlocks'>,
): Promise<void> {
  try {
    for await (const block of blocks) {
      file.block(block)
      // signals are seen between turns
      await turn()
    }
    file.finish(rest())
  } catch (error) {
    file.abort()
    throw error
  }
}
