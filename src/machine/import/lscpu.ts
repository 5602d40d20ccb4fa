/** `lscpu` in its four prints: text, `-J`, `-p` and `-e` (lscpu(1)): which cpu belongs to which node, and the processor's name. */
import { UserError } from '../../errors.ts'
import { parseList } from '../../units.ts'
import { type DumpReader, emptyFindings, type Findings, wholeNumber } from './findings.ts'

const FORMAT = 'lscpu'

export const lscpu: DumpReader = {
  format: FORMAT,
  recognises: (text) =>
    isJson(text) || /^# CPU,|^# The following is the parsable format/m.test(text) || /^CPU\s.*\bNODE\b/m.test(text) || /^CPU\(s\):\s/m.test(text),
  read(text, file) {
    const found = emptyFindings(file, FORMAT)
    if (isJson(text)) readJson(text, file, found)
    else if (/^# CPU,/m.test(text)) readTable(text, file, found, /^# (CPU,.*)$/, ',')
    else if (/^CPU\s.*\bNODE\b/m.test(text)) readTable(text, file, found, /^(CPU\s.*)$/, /\s+/)
    else
      for (const [index, line] of text.split('\n').entries())
        readField(line.slice(0, line.indexOf(':') + 1), line.slice(line.indexOf(':') + 1), file, index + 1, found)
    for (const node of found.cpus.keys()) found.nodes.add(node)
    if (found.nodes.size === 0)
      throw new UserError('says nothing about NUMA nodes', { file, expected: 'NUMA node0 CPU(s) lines, or a table with a node column' })
    return found
  },
}

const isJson = (text: string): boolean => /^\s*\{\s*"(?:lscpu|cpus)"/.test(text)

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
  }
}

interface Entry {
  field?: unknown
  data?: unknown
  children?: unknown
}

function readJson(text: string, file: string, found: Findings): void {
  let document: { lscpu?: unknown; cpus?: unknown }
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
  for (const row of Array.isArray(document.cpus) ? (document.cpus as ({ cpu?: unknown; node?: unknown } | null)[]) : []) {
    if (row?.cpu !== undefined) addCpu(String(row.cpu), String(row.node ?? ''), { file }, found)
  }
}

function readTable(text: string, file: string, found: Findings, heading: RegExp, separator: string | RegExp): void {
  let columns: string[] | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const header = heading.exec(line)
    if (header) columns = header[1]!.split(separator).map((name) => name.trim().toLowerCase())
    else if (columns && line.trim() !== '' && !line.startsWith('#')) {
      if (!columns.includes('node')) throw new UserError('the table has no node column', { file, line: index + 1, hint: 'Use lscpu -p or lscpu -p=CPU,NODE' })
      const cells = line.trim().split(separator)
      addCpu(cells[columns.indexOf('cpu')] ?? '', cells[columns.indexOf('node')] ?? '', { file, line: index + 1 }, found)
    }
  }
}

/** A cpu of no node (offline, or a kernel without NUMA) has an empty field or a dash; it takes no part. */
function addCpu(cpu: string, node: string, place: { file: string; line?: number }, found: Findings): void {
  if (node === '' || node === '-') return
  const id = wholeNumber(node, { ...place, field: 'node' })
  const cpus = found.cpus.get(id) ?? []
  found.cpus.set(id, cpus)
  cpus.push(wholeNumber(cpu, { ...place, field: 'cpu' }, 1 << 20))
}
