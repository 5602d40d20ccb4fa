/** Whether a native file is whole: every checksum, every column, and, if it keeps its accesses, that they fold into what it holds. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { AccessColumns } from './access-codec.ts'
import { KeptAccesses } from './kept-accesses.ts'
import { openNative } from './native-file.ts'
import { findAccesses, fold } from './open.ts'
import type { PreparedTrace } from './prepared.ts'
import { Scratch } from './scratch.ts'
import { SpillFile } from './spill.ts'

export interface VerifiedFile {
  trace: PreparedTrace
  bytes: number
  /** Blocks of ticks, and of accesses if they are kept. */
  blocks: number
  accessBlocks?: number
  /** What the kept accesses fold into otherwise; empty when all is the same. */
  differences: string[]
}

/** Reads all of a native file; a damaged part is a UserError that names it. */
export async function verifyNative(file: string, progress?: (share: number) => void): Promise<VerifiedFile> {
  const trace = openNative(file)
  for (let b = 0; b < trace.blocks; b++) trace.block(b)
  const kept = KeptAccesses.of(trace)
  const found = { trace, bytes: statSync(file).size, blocks: trace.blocks }
  if (kept === undefined) return { ...found, differences: [] }
  kept.eventsAt()
  const columns = new AccessColumns()
  for (let b = 0; b < kept.blocks; b++) kept.read(b, columns)
  return { ...found, accessBlocks: kept.blocks, differences: await foldedAgain(file, trace, progress) }
}

async function foldedAgain(file: string, trace: PreparedTrace, progress?: (share: number) => void): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'numareplay-verify-'))
  const spill = new SpillFile(join(folder, 'ticks'))
  const scratch = new Scratch(join(folder, 'large-ticks'))
  try {
    const { tables, encodedBlocks } = await fold(await findAccesses(file, { progress }), file, {}, spill)
    const { actorTask, actorCpu, cpus, events, meta, processes, tasks } = tables
    const given = { actorTask, actorCpu, cpus, events, meta: { ...meta, file }, processes, tasks }
    const differences = Object.entries(given).flatMap(([name, table]) =>
      JSON.stringify(table) === JSON.stringify(trace[name as keyof typeof given]) ? [] : [`the table ${name} is another one`],
    )
    const places = trace.stored!.blocks
    let b = 0
    for (const { bytes } of encodedBlocks(scratch)) {
      const place = places[b++]
      let sum = 0
      for (const piece of bytes) sum = crc32(piece, sum)
      if (place?.crc32 !== sum) differences.push(`block ${b} of ${places.length} of ticks is another one`)
    }
    if (b < places.length) differences.push(`they give ${b} blocks of ticks, the file has ${places.length}`)
    return differences
  } finally {
    spill.remove()
    scratch.remove()
    rmSync(folder, { recursive: true })
  }
}
