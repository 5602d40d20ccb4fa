/**
 * `lscpu` in its prints: text, `-J`, `-p`, `-e` and `-C` (lscpu(1)): which cpu belongs to which node and cache, what the caches look
 * like, and the processor's name.
 */
import { UserError } from '../../errors.ts'
import { parseList, parseSize } from '../../units.ts'
import { joinCaches, sharedByNumber } from './caches.ts'
import { type DumpReader, emptyFindings, type Findings, wholeNumber } from './findings.ts'

const FORMAT = 'lscpu'

export const lscpu: DumpReader = {
  format: FORMAT,
  recognises: (text) =>
    isJson(text) ||
    CACHE_TABLE.test(text) ||
    /^# CPU,|^# The following is the parsable format/m.test(text) ||
    /^CPU\s.*\bNODE\b/m.test(text) ||
    /^CPU\(s\):\s/m.test(text),
  read(text, file) {
    const found = emptyFindings(file, FORMAT)
    if (!isJson(text) && CACHE_TABLE.test(text)) readCacheTable(text, file, found)
    if (isJson(text)) readJson(text, file, found)
    else if (/^# CPU,/m.test(text)) readTable(text, file, found, /^# (CPU,.*)$/, ',')
    else if (/^CPU\s.*\bNODE\b/m.test(text)) readTable(text, file, found, /^(CPU\s.*)$/, /\s+/)
    else
      for (const [index, line] of text.split('\n').entries())
        readField(line.slice(0, line.indexOf(':') + 1), line.slice(line.indexOf(':') + 1), file, index + 1, found)
    for (const node of found.cpus.keys()) found.nodes.add(node)
    if (found.nodes.size === 0 && found.cache === undefined)
      throw new UserError('says nothing about NUMA nodes', { file, expected: 'NUMA node0 CPU(s) lines, or a table with a node column' })
    return found
  },
}

const isJson = (text: string): boolean => /^\s*\{\s*"(?:lscpu|cpus|caches)"/.test(text)

/** `lscpu -C`: NAME ONE-SIZE ALL-SIZE WAYS TYPE LEVEL SETS PHY-LINE COHERENCY-SIZE. */
const CACHE_TABLE = /^NAME +ONE-SIZE\b.*$/m

/** One line of the text print, or one entry of the JSON. */
function readField(name: string, value: string, file: string, line: number | undefined, found: Findings): void {
  const data = value.trim()
  const node = /^\s*NUMA node(\d+) CPU\(s\):$/.exec(name)
  if (node) {
    const place = `${file}${line === undefined ? '' : `:${line}`}: ${name.trim()}`
    // a memory-only node is listed with no cpus; old prints write a dash
    found.cpus.set(wholeNumber(node[1]!, { file, line, field: 'node' }), data === '' || data === '-' ? [] : parseList(data, place))
    found.listsAllNodes = true
  } else if (/^\s*Model name:$/.test(name)) {
    found.model ??= data
  } else if (/^\s*Vendor ID:$/.test(name)) {
    if (data === 'GenuineIntel') found.vendor = 'intel'
    if (data === 'AuthenticAMD') found.vendor = 'amd'
  } else if (/^\s*L[2-9] cache:$/.test(name)) {
    // the size is that of all of them, rounded; before util-linux 2.34 that of one
    const instances = /\((\d+) instances?\)$/.exec(data)?.[1]
    found.cache = joinCaches(found.cache, {
      level: Number(name.trim()[1]),
      instances: instances === undefined ? undefined : wholeNumber(instances, { file, line, field: name.trim() }),
    })
  }
}

interface Entry {
  field?: unknown
  data?: unknown
  children?: unknown
}

function readJson(text: string, file: string, found: Findings): void {
  let document: { lscpu?: unknown; cpus?: unknown; caches?: unknown }
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw new UserError(`not readable as JSON: ${(error as Error).message}`, { file })
  }
  // entries nest in "children" on a terminal or with --hierarchic
  const pending = Array.isArray(document.lscpu) ? [...(document.lscpu as Entry[])] : []
  for (const entry of pending) {
    if (entry === null || typeof entry !== 'object') continue
    if (typeof entry.field === 'string') readField(entry.field, typeof entry.data === 'string' ? entry.data : '', file, undefined, found)
    if (Array.isArray(entry.children)) for (const child of entry.children) pending.push(child)
  }
  // `lscpu -J -e`: {"cpus": [{"cpu": 0, "node": 0}]}
  const caches = new CacheNumbers()
  for (const row of Array.isArray(document.cpus) ? (document.cpus as (Record<string, unknown> | null)[]) : []) {
    if (row?.['cpu'] === undefined) continue
    const cpu = addCpu(String(row['cpu']), String(row['node'] ?? ''), { file }, found)
    if (cpu !== undefined) for (const [column, cell] of Object.entries(row)) caches.add(cpu, column, String(cell))
  }
  caches.give(found)
  // `lscpu -J -C`
  for (const row of Array.isArray(document.caches) ? (document.caches as (Record<string, unknown> | null)[]) : []) {
    if (row !== null && typeof row === 'object') addCache((column) => String(row[column] ?? ''), { file }, found)
  }
}

function readTable(text: string, file: string, found: Findings, heading: RegExp, separator: string | RegExp): void {
  let columns: string[] | undefined
  const caches = new CacheNumbers()
  for (const [index, line] of text.split('\n').entries()) {
    const header = heading.exec(line)
    if (header) columns = header[1]!.split(separator).map((name) => name.trim().toLowerCase())
    else if (CACHE_TABLE.test(line)) columns = undefined
    else if (columns && line.trim() !== '' && !line.startsWith('#')) {
      if (!columns.includes('node')) throw new UserError('the table has no node column', { file, line: index + 1, hint: 'Use lscpu -p or lscpu -p=CPU,NODE' })
      const cells = line.trim().split(separator)
      const cpu = addCpu(cells[columns.indexOf('cpu')] ?? '', cells[columns.indexOf('node')] ?? '', { file, line: index + 1 }, found)
      if (cpu !== undefined) for (const [i, column] of columns.entries()) caches.add(cpu, column, cells[i] ?? '')
    }
  }
  caches.give(found)
}

/** Which cache each cpu uses: columns `L1d,L1i,L2,L3` of `lscpu -p`, one column `L1d:L1i:L2:L3` of `lscpu -e`. */
class CacheNumbers {
  #level = 0
  #cacheOfCpu: [number, string][] = []

  add(cpu: number, column: string, cell: string): void {
    if (!/^l1d(:|$)|^l[2-9]$/.test(column)) return
    const names = column.split(':')
    const level = Number(/^l([2-9])$/.exec(names[names.length - 1]!)?.[1] ?? 0)
    const number = cell.split(':')[names.length - 1] ?? ''
    // a cpu that is offline has a dash
    if (level < Math.max(this.#level, 2) || !/^\d+$/.test(number)) return
    if (level > this.#level) this.#cacheOfCpu = []
    this.#level = level
    this.#cacheOfCpu.push([cpu, number])
  }

  give(found: Findings): void {
    if (this.#level > 0) found.cache = joinCaches(found.cache, { level: this.#level, sharedBy: sharedByNumber(this.#cacheOfCpu) })
  }
}

/** A cpu of no node (offline, or a kernel without NUMA) has an empty field or a dash; it takes no part. */
function addCpu(cpu: string, node: string, place: { file: string; line?: number }, found: Findings): number | undefined {
  if (node === '' || node === '-') return undefined
  const id = wholeNumber(node, { ...place, field: 'node' })
  const cpus = found.cpus.get(id) ?? []
  found.cpus.set(id, cpus)
  const number = wholeNumber(cpu, { ...place, field: 'cpu' }, 1 << 20)
  cpus.push(number)
  return number
}

function readCacheTable(text: string, file: string, found: Findings): void {
  let columns: string[] | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const cells = line.trim().split(/\s+/)
    if (CACHE_TABLE.test(line)) columns = cells.map((name) => name.toLowerCase())
    else if (columns && /^L\d/.test(line)) addCache((column) => cells[columns!.indexOf(column)] ?? '', { file, line: index + 1 }, found)
    else columns = undefined
  }
}

/** A row of `lscpu -C`. Sizes are rounded (35.8M) unless -B asks for bytes; sets times ways times line is exact. */
function addCache(cell: (column: string) => string, place: { file: string; line?: number }, found: Findings): void {
  if (cell('type') === 'Instruction') return
  const number = (column: string): number | undefined =>
    /^(|0|-)$/.test(cell(column)) ? undefined : wholeNumber(cell(column), { ...place, field: column }, 2 ** 40)
  const level = number('level')
  if (level === undefined) return
  const [ways, lineBytes, sets] = [number('ways'), number('coherency-size'), number('sets')]
  const size = (column: string): number | undefined =>
    /^(|0|-)$/.test(cell(column)) ? undefined : parseSize(cell(column), `${place.file}${place.line === undefined ? '' : `:${place.line}`}: ${column}`)
  const [one, all] = [size('one-size'), size('all-size')]
  const product = ways && lineBytes && sets ? ways * lineBytes * sets * (number('phy-line') ?? 1) : undefined
  const instances = one && all ? Math.round(all / one) : undefined
  found.cache = joinCaches(found.cache, { level, bytes: product ?? one, ways, lineBytes, instances })
}
