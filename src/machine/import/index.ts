/** `machine import`: dumps as people have them become one machine file. */
import { basename } from 'node:path'
import { UserError } from '../../errors.ts'
import { type MachineDocument, MachineFile } from '../machine-file.ts'
import { combine } from './combine.ts'
import { dmesg } from './dmesg.ts'
import { type Dump, openDump } from './dump.ts'
import type { DumpReader, Findings } from './findings.ts'
import { lscpu } from './lscpu.ts'
import { lstopo } from './lstopo.ts'
import { mlc } from './mlc.ts'
import { numactl } from './numactl.ts'
import { readSysfs, sysfsListing } from './sysfs.ts'

/** Text dumps in order of trust: sizes of sysfs and lstopo are exact, numactl rounds, the kernel log counts reserved memory too. */
const READERS: DumpReader[] = [sysfsListing, lstopo, numactl, lscpu, mlc, dmesg]

/** The machine file that the dumps make together. */
export function importMachine(paths: readonly string[]): MachineDocument {
  return makeDocument(
    paths.flatMap((path) => readDump(openDump(path), path)),
    paths.join(', '),
  )
}

export interface RankedFindings {
  rank: number
  findings: Findings
}

export function makeDocument(found: RankedFindings[], file: string): MachineDocument {
  const document = combine([...found].sort((a, b) => a.rank - b.rank).map(({ findings }) => findings))
  const checked = MachineFile.safeParse(document)
  if (!checked.success) {
    const { path, message } = checked.error.issues[0]!
    throw new UserError(`these dumps make no machine: ${message}`, { file, field: path.join('.') || undefined })
  }
  return document
}

/** A text may hold several dumps, as a support log does: all are read. */
export function readDump(dump: Dump, path: string): RankedFindings[] {
  const name = basename(path)
  if ('sysfs' in dump) return [{ findings: readSysfs(dump.sysfs, name), rank: -1 }]
  const found = READERS.flatMap((reader, rank) => (reader.recognises(dump.text) ? [{ findings: reader.read(dump.text, name), rank }] : []))
  if (found.length > 0) return found
  throw new UserError('is none of the dumps known here', {
    file: path,
    expected: `a folder or archive of sysfs, or text of ${READERS.map(({ format }) => format).join(', ')}`,
  })
}
