/**
 * Where the kernel had the pages of a program: /proc/PID/numa_maps, or a table of pages and nodes (`phase,page,node`, as
 * move_pages(2) in its asking form gives them), one snapshot after the other.
 */
import { existsSync } from 'node:fs'
import { UserError } from '../errors.ts'
import type { TraceWriter } from './format.ts'
import { eachLine } from './lines.ts'
import { openBytes } from './source.ts'

/** Memory of one process and the pages of it on each node; node ids are those of the recording machine. */
export interface ResidentRegion {
  startBytes: number
  /** Exclusive; of a mapping in numa_maps, which names no end, the start of the next. */
  endBytes: number
  pages: { node: number; bytes: number }[]
}

export interface ResidencySnapshot {
  name: string
  /** Ascending, not overlapping. */
  regions: ResidentRegion[]
}

export interface Residency {
  file: string
  snapshots: ResidencySnapshot[]
}

const PAGE = 4096
const MOST_ROWS = 1 << 24
const MAPPING = /^([0-9a-f]{1,16}) \S/
const ON_NODE = / N(\d{1,5})=(\d{1,15})/g

export async function readResidency(file: string): Promise<Residency> {
  if (!existsSync(file)) throw new UserError('file not found', { file, expected: 'numa_maps of a process, or a table phase,page,node' })
  const { head, bytes } = await openBytes(file)
  const first = head.text.slice(0, 1000)
  const reader = MAPPING.test(first) ? new NumaMaps() : /^[\w ,]*\bpage\b[\w ,]*\bnode\b/.test(first) ? new ResidencyTable(file) : undefined
  if (reader === undefined)
    throw new UserError('not a recorded residency', {
      file,
      expected: 'numa_maps of a process, or a table phase,page,node',
      got: JSON.stringify(first.slice(0, 40)),
    })
  await eachLine(bytes, NO_TRACE, { file, options: {} }, (line, number) => reader.line(line, number))
  const snapshots = reader.finish().filter(({ regions }) => regions.length > 0)
  if (snapshots.length === 0) throw new UserError('the recorded residency has no page on any node', { file })
  return { file, snapshots }
}

/** Snapshot by name or number (from 1); several of one name are counted: `done` is the first, `done#2` the second. */
export function snapshotOf({ file, snapshots }: Residency, wanted: string): ResidencySnapshot {
  const found = snapshots.find(({ name }) => name === wanted) ?? snapshots[Number(wanted) - 1]
  if (found) return found
  throw new UserError('no such snapshot', {
    file,
    expected: `1 to ${snapshots.length}, or one of ${snapshots.map(({ name }) => name).join(', ')}`,
    got: JSON.stringify(wanted),
  })
}

class NumaMaps {
  readonly #regions: ResidentRegion[] = []

  line(line: string): void {
    const mapping = MAPPING.exec(line)
    const startBytes = Number(`0x${mapping?.[1] ?? ''}`)
    if (!Number.isSafeInteger(startBytes)) return
    // counts are in pages of this size, also where huge pages lie beneath
    const pageBytes = Number(/ kernelpagesize_kB=(\d{1,7})/.exec(line)?.[1] ?? 4) * 1024
    const pages = [...line.matchAll(ON_NODE)].map(([, node, count]) => ({ node: Number(node), bytes: Number(count) * pageBytes }))
    this.#regions.push({ startBytes, endBytes: Number.MAX_SAFE_INTEGER, pages })
  }

  finish(): ResidencySnapshot[] {
    const regions = this.#regions.sort((a, b) => a.startBytes - b.startBytes)
    regions.forEach((region, i) => {
      region.endBytes = regions[i + 1]?.startBytes ?? Number.MAX_SAFE_INTEGER
    })
    return [{ name: 'numa_maps', regions: regions.filter(({ pages }) => pages.length > 0) }]
  }
}

/** A snapshot ends where the phase changes or a page comes again. */
class ResidencyTable {
  readonly #file: string
  readonly #snapshots: ResidencySnapshot[] = []
  readonly #times = new Map<string, number>()
  #columns: { phase: number; page: number; node: number } | undefined
  #phase: string | undefined
  #seen = new Set<number>()
  #rows = 0

  constructor(file: string) {
    this.#file = file
  }

  line(line: string, number: number): void {
    if (line.trim() === '') return
    const cells = line.split(',', 16).map((cell) => cell.trim())
    if (this.#columns === undefined) {
      this.#columns = { phase: cells.indexOf('phase'), page: cells.indexOf('page'), node: cells.indexOf('node') }
      return
    }
    const { phase, page, node } = this.#columns
    const startBytes = /^(0x[0-9a-f]{1,16}|\d{1,16})$/i.test(cells[page] ?? '') ? Number(cells[page]) : Number.NaN
    if (!Number.isSafeInteger(startBytes)) throw this.#error(number, 'page', 'an address', cells[page])
    // negative: an errno, such as -2 for a page that is not there (move_pages(2))
    if (!/^-?\d{1,5}$/.test(cells[node] ?? '')) throw this.#error(number, 'node', 'a node, or a negative errno', cells[node])
    if (++this.#rows > MOST_ROWS) throw this.#error(number, 'page', `at most ${MOST_ROWS} rows`, 'more')
    const name = phase < 0 ? 'snapshot' : cells[phase]!
    if (name !== this.#phase || this.#seen.has(startBytes)) this.#begin(name)
    this.#seen.add(startBytes)
    const id = Number(cells[node])
    if (id >= 0) this.#snapshots.at(-1)!.regions.push({ startBytes, endBytes: startBytes + PAGE, pages: [{ node: id, bytes: PAGE }] })
  }

  #begin(phase: string): void {
    const times = (this.#times.get(phase) ?? 0) + 1
    this.#times.set(phase, times)
    this.#snapshots.push({ name: times === 1 ? phase : `${phase}#${times}`, regions: [] })
    this.#phase = phase
    this.#seen = new Set()
  }

  finish(): ResidencySnapshot[] {
    for (const { regions } of this.#snapshots) regions.sort((a, b) => a.startBytes - b.startBytes)
    return this.#snapshots
  }

  #error(line: number, field: string, expected: string, got: string | undefined): UserError {
    return new UserError('not a row of a residency table', { file: this.#file, line, field, expected, got: JSON.stringify(got?.slice(0, 40) ?? '') })
  }
}

/** Lines are read strictly here, so that nothing is ever said to it. */
const NO_TRACE = { lint: () => {} } as unknown as TraceWriter satisfies TraceWriter
