/** Samples with their ground truth, and traces written on the spot. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OpenOptions, openTrace, PAIR_WORDS, type PreparedTrace } from '../../src/trace/index.ts'

export const FIXTURES = join(import.meta.dirname, '../fixtures/traces')

// biome-ignore lint/suspicious/noExplicitAny: facts differ by format
export const groundTruth: Record<string, any> = JSON.parse(readFileSync(join(FIXTURES, 'ground-truth.json'), 'utf8'))

export function openSample(name: string, options?: OpenOptions): Promise<PreparedTrace> {
  return openTrace(join(FIXTURES, name), options)
}

let folder: string | undefined
let files = 0

/** A file with this content in a temporary folder. */
export function writeTemporary(name: string, content: string | Uint8Array): string {
  folder ??= mkdtempSync(join(tmpdir(), 'numareplay-formats-'))
  const path = join(folder, `${files++}-${name}`)
  writeFileSync(path, content)
  return path
}

/** A trace of this content, recognised as it would be on the command line. */
export function openText(content: string | Uint8Array, options?: OpenOptions, name = 'trace.txt'): Promise<PreparedTrace> {
  return openTrace(writeTemporary(name, content), options)
}

/** Reads and writes of all pairs, for comparing whole traces by page number. */
export function countsByPage(trace: PreparedTrace): Map<number, { reads: number; writes: number }> {
  const counts = new Map<number, { reads: number; writes: number }>()
  for (let b = 0; b < trace.blocks; b++) {
    const { pairs } = trace.block(b)
    for (let i = 0; i < pairs.length; i += PAIR_WORDS) {
      const page = trace.pageVpage[pairs[i]!]!
      const entry = counts.get(page) ?? { reads: 0, writes: 0 }
      entry.reads += pairs[i + 2]!
      entry.writes += pairs[i + 3]!
      counts.set(page, entry)
    }
  }
  return counts
}
