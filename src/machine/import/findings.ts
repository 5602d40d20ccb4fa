/** What one dump says about a machine: the common form of all importers. Node numbers are those of the operating system. */
import { UserError } from '../../errors.ts'
import type { CacheFinding } from './caches.ts'

/** A matrix with holes, by node id. */
export class Sparse {
  private readonly rows = new Map<number, Map<number, number>>()

  set(from: number, to: number, value: number): void {
    const row = this.rows.get(from) ?? new Map<number, number>()
    this.rows.set(from, row.set(to, value))
  }

  get(from: number, to: number): number | undefined {
    return this.rows.get(from)?.get(to)
  }

  get isEmpty(): boolean {
    return this.rows.size === 0
  }

  /** Ids that occur as a row, and as a row or a column. */
  rowIds(): number[] {
    return [...this.rows.keys()]
  }

  ids(): number[] {
    return [...new Set([...this.rows].flatMap(([from, row]) => [from, ...row.keys()]))]
  }
}

export interface Findings {
  /** `numactl-H.txt (numactl --hardware)`: for messages and as a source in the machine file. */
  from: string
  /** Processor model, if the dump names it. */
  model?: string
  vendor?: 'intel' | 'amd'
  /** Nodes that exist; `listsAllNodes` when no others do. */
  nodes: Set<number>
  listsAllNodes: boolean
  /** Empty list: the node has no cpus. */
  cpus: Map<number, number[]>
  /** The dump shows what is near each node but not whether the node has cpus: any other dump knows better. */
  cpusAreGuessed: boolean
  bytes: Map<number, number>
  /** Number of the kernel's memory tier; lower is faster. */
  tier: Map<number, number>
  /** DRAM, HBM, … where the dump says so. */
  kind: Map<number, string>
  /** Caches of the highest level. */
  cache?: CacheFinding
  distance: Sparse
  readNs: Sparse
  writeNs: Sparse
  bandwidthGBps: Sparse
  /** Whether latencies come from a measurement or from ACPI HMAT. */
  latencies: 'measured' | 'stated by firmware'
  warnings: string[]
}

export function emptyFindings(file: string, format: string): Findings {
  return {
    from: `${file} (${format})`,
    nodes: new Set(),
    listsAllNodes: false,
    cpus: new Map(),
    cpusAreGuessed: false,
    bytes: new Map(),
    tier: new Map(),
    kind: new Map(),
    distance: new Sparse(),
    readNs: new Sparse(),
    writeNs: new Sparse(),
    bandwidthGBps: new Sparse(),
    latencies: 'stated by firmware',
    warnings: [],
  }
}

/** A reader of text dumps. One dump format is one file in this folder. */
export interface DumpReader {
  format: string
  recognises(text: string): boolean
  read(text: string, file: string): Findings
}

/** A whole number from a dump, within what Linux allows for the thing it counts. */
export function wholeNumber(text: string, place: { file: string; line?: number; field: string }, limit = 65_535): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(value <= limit)) throw new UserError('not a whole number in range', { ...place, expected: `0 to ${limit}`, got: quoted(text) })
  return value
}

/** A positive measured value. */
export function positive(text: string, place: { file: string; line?: number; field: string }): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (!(value > 0 && value < 1e9)) throw new UserError('not a positive number', { ...place, got: quoted(text) })
  return value
}

export const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
