/**
 * Calls written down, one a line, in the vocabulary of the manual pages:
 *
 *   2s   migrate_pages  pid=1 from=0 to=1          # migrate_pages(2)
 *   3s   move_pages     pid=1 pages=0x7f0000000000,0x7f0000001000 nodes=1
 *   0s   mbind          pid=1 range=0x7f0000000000+64MiB mode=interleave nodes=0-1 flags=move
 *   1s   cpuset         name=job mems=0-1 cpus=0-3
 *   1s   attach         cpuset=job pid=1
 *
 * Times count from the start of the trace. Nodes and cpus are operating-system numbers, addresses are bytes.
 */
import { closest, UserError } from '../errors.ts'
import { parseCount, parseDuration, parseList, parseSize } from '../units.ts'

export interface AddressRange {
  startBytes: number
  bytes: number
}

export type ScriptCall =
  | { kind: 'migrate_pages'; pid: number; from: number[]; to: number[] }
  /** `nodes`: one for all pages, or one for each. */
  | { kind: 'move_pages'; pid: number; addresses: number[]; nodes: number[] }
  | { kind: 'mbind'; pid: number; range: AddressRange; mode: string; nodes: number[]; flags: string[] }
  | { kind: 'set_mempolicy'; pid: number; tid: number; mode: string; nodes: number[] }
  | { kind: 'cpuset'; name: string; cpus?: number[]; mems?: number[] }
  | { kind: 'attach'; cpuset: string; pid: number }
  | { kind: 'mlock'; pid: number; range: AddressRange }
  | { kind: 'madvise'; pid: number; range: AddressRange; advice: string }
  | { kind: 'munmap'; pid: number; range: AddressRange }
  /** The scheduler puts a task on a cpu. */
  | { kind: 'run_on'; pid: number; tid: number; cpu: number }

export interface ScriptLine {
  timeNs: number
  call: ScriptCall
  /** 1-based, for messages. */
  line: number
}

/** mempolicy modes of set_mempolicy(2). */
const MODES = ['default', 'bind', 'preferred', 'preferred-many', 'interleave', 'weighted-interleave', 'local']
/** mbind(2): MPOL_MF_MOVE, MPOL_MF_MOVE_ALL, MPOL_MF_STRICT. */
const MBIND_FLAGS = ['move', 'move-all', 'strict']
const ADVICE = ['normal', 'random', 'sequential', 'willneed', 'dontneed', 'cold', 'pageout', 'hugepage', 'nohugepage', 'free']

/** The arguments of a line, with their columns; each is to be asked for by name. */
class Arguments {
  readonly #given: Map<string, { value: string; column: number }>
  readonly #place: { file: string; line: number }
  readonly #column: number

  constructor(given: Map<string, { value: string; column: number }>, place: { file: string; line: number }, column: number) {
    this.#given = given
    this.#place = place
    this.#column = column
  }

  has = (name: string): boolean => this.#given.has(name)

  read<T>(name: string, parse: (text: string, field: string) => T): T {
    const argument = this.#given.get(name)
    if (!argument) throw new UserError(`${name}= is missing`, { ...this.#place, column: this.#column, expected: `${name}=…` })
    try {
      return parse(argument.value, name)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      throw new UserError({ ...error.parts, ...this.#place, column: argument.column })
    }
  }

  optional = <T>(name: string, parse: (text: string, field: string) => T, otherwise: T): T => (this.has(name) ? this.read(name, parse) : otherwise)
}

interface Verb {
  names: string[]
  read(args: Arguments): ScriptCall
}

const nodes = (text: string, field: string): number[] => parseList(text, field)
const inOrder = (text: string, field: string): number[] => text.split(',').map((part) => parseCount(part, field))
const word = (known: readonly string[]) => (text: string, field: string) => {
  if (known.includes(text)) return text
  const near = closest(text, known)
  throw new UserError('unknown word', { field, expected: known.join(', '), got: JSON.stringify(text), hint: near ? `Did you mean ${near}?` : undefined })
}
const name = (text: string, field: string): string => {
  if (/^[\w./-]+$/.test(text)) return text
  throw new UserError('not a name', { field, expected: 'letters, digits, - _ . /', got: JSON.stringify(text) })
}

/** `0x1000+64MiB` or `0x1000-0x2000` (end exclusive, as in /proc/PID/maps). */
function range(text: string, field: string): AddressRange {
  const match = /^(\w+)([+-])(.+)$/.exec(text)
  if (!match) throw new UserError('not a range', { field, expected: '0x7f0000000000+64MiB or 0x7f0000000000-0x7f0004000000', got: JSON.stringify(text) })
  const startBytes = parseCount(match[1]!, field)
  const bytes = match[2] === '+' ? parseSize(match[3]!, field) : parseCount(match[3]!, field) - startBytes
  if (bytes <= 0) throw new UserError('an empty range', { field, got: JSON.stringify(text) })
  return { startBytes, bytes }
}

const VERBS: Record<string, Verb> = {
  migrate_pages: {
    names: ['pid', 'from', 'to'],
    read: (args) => ({ kind: 'migrate_pages', pid: args.read('pid', parseCount), from: args.read('from', nodes), to: args.read('to', nodes) }),
  },
  move_pages: {
    names: ['pid', 'pages', 'nodes'],
    read: (args) => {
      const addresses = args.read('pages', inOrder)
      const to = args.read('nodes', (text, field) => {
        const list = inOrder(text, field)
        if (list.length === 1 || list.length === addresses.length) return list
        throw new UserError('not as many nodes as pages', { field, expected: `1 or ${addresses.length}`, got: String(list.length) })
      })
      return { kind: 'move_pages', pid: args.read('pid', parseCount), addresses, nodes: to }
    },
  },
  mbind: {
    names: ['pid', 'range', 'mode', 'nodes', 'flags'],
    read: (args) => ({
      kind: 'mbind',
      pid: args.read('pid', parseCount),
      range: args.read('range', range),
      mode: args.read('mode', word(MODES)),
      nodes: args.optional('nodes', nodes, []),
      flags: args.optional('flags', (text, field) => text.split(',').map((flag) => word(MBIND_FLAGS)(flag, field)), []),
    }),
  },
  set_mempolicy: {
    names: ['pid', 'tid', 'mode', 'nodes'],
    read: (args) => {
      const pid = args.read('pid', parseCount)
      const tid = args.optional('tid', parseCount, pid)
      return { kind: 'set_mempolicy', pid, tid, mode: args.read('mode', word(MODES)), nodes: args.optional('nodes', nodes, []) }
    },
  },
  cpuset: {
    names: ['name', 'cpus', 'mems'],
    read: (args) => ({
      kind: 'cpuset',
      name: args.read('name', name),
      cpus: args.optional<number[] | undefined>('cpus', nodes, undefined),
      mems: args.optional<number[] | undefined>('mems', nodes, undefined),
    }),
  },
  attach: { names: ['cpuset', 'pid'], read: (args) => ({ kind: 'attach', cpuset: args.read('cpuset', name), pid: args.read('pid', parseCount) }) },
  mlock: { names: ['pid', 'range'], read: (args) => ({ kind: 'mlock', pid: args.read('pid', parseCount), range: args.read('range', range) }) },
  madvise: {
    names: ['pid', 'range', 'advice'],
    read: (args) => ({ kind: 'madvise', pid: args.read('pid', parseCount), range: args.read('range', range), advice: args.read('advice', word(ADVICE)) }),
  },
  munmap: { names: ['pid', 'range'], read: (args) => ({ kind: 'munmap', pid: args.read('pid', parseCount), range: args.read('range', range) }) },
  run_on: {
    names: ['pid', 'tid', 'cpu'],
    read: (args) => {
      const pid = args.read('pid', parseCount)
      return { kind: 'run_on', pid, tid: args.optional('tid', parseCount, pid), cpu: args.read('cpu', parseCount) }
    },
  },
}

/** All lines of a script, by time; lines of the same time in their order. */
export function parseScript(text: string, file: string): ScriptLine[] {
  return text
    .split('\n')
    .flatMap((content, i) => {
      const line = parseLine(content, { file, line: i + 1 })
      return line ? [line] : []
    })
    .sort((a, b) => a.timeNs - b.timeNs)
}

function parseLine(content: string, place: { file: string; line: number }): ScriptLine | undefined {
  const [time, verb, ...rest] = [...content.replace(/#.*/, '').matchAll(/\S+/g)].map((match) => ({ text: match[0], column: match.index + 1 }))
  if (!time) return undefined
  let timeNs: number
  try {
    timeNs = parseDuration(time.text)
  } catch (error) {
    throw new UserError({ ...(error as UserError).parts, ...place, column: time.column })
  }
  if (!verb) throw new UserError('no call after the time', { ...place, column: time.column + time.text.length, expected: Object.keys(VERBS).join(', ') })
  const known = Object.hasOwn(VERBS, verb.text) ? VERBS[verb.text] : undefined
  if (!known) throw unknown('call', verb, Object.keys(VERBS), place)
  const given = new Map<string, { value: string; column: number }>()
  for (const { text, column } of rest) {
    const at = text.indexOf('=')
    const key = at < 0 ? text : text.slice(0, at)
    if (!known.names.includes(key)) throw unknown(`argument of ${verb.text}`, { text: key, column }, known.names, place)
    if (at < 0) throw new UserError(`${key} has no value`, { ...place, column, expected: `${key}=…` })
    if (given.has(key)) throw new UserError(`${key} given twice`, { ...place, column })
    given.set(key, { value: text.slice(at + 1), column: column + at + 1 })
  }
  return { timeNs, call: known.read(new Arguments(given, place, verb.column)), line: place.line }
}

function unknown(what: string, { text, column }: { text: string; column: number }, known: string[], place: { file: string; line: number }): UserError {
  const near = closest(text, known)
  return new UserError(`unknown ${what}`, {
    ...place,
    column,
    expected: known.join(', '),
    got: JSON.stringify(text),
    hint: near ? `Did you mean ${near}?` : undefined,
  })
}
