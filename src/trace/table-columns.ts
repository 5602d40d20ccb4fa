/** Tables of accesses, whatever file they are in: which column means what, in which unit. */
import { closest, UserError } from '../errors.ts'

export type Role = 'time' | 'pid' | 'tid' | 'cpu' | 'op' | 'address' | 'page' | 'size' | 'weight'

/** Names in use, the usual one first. Units are cut off before looking. */
const NAMES: Record<Role, readonly string[]> = {
  time: ['time', 'timestamp', 'ts', 't', 'start', 'when'],
  pid: ['pid', 'process', 'process_id', 'tgid'],
  tid: ['tid', 'thread', 'thread_id', 'lwp'],
  cpu: ['cpu', 'core', 'cpu_id', 'processor', 'core_id'],
  op: ['op', 'rw', 'r/w', 'operation', 'access', 'access_type', 'type', 'mode', 'is_write', 'write', 'kind'],
  address: ['addr', 'address', 'va', 'vaddr', 'virtual_address', 'virt_addr', 'data_addr', 'memory_address', 'ea', 'pa', 'paddr', 'phys_addr'],
  page: ['page', 'vpn', 'vpage', 'page_id', 'page_number', 'pageid', 'pfn'],
  size: ['size', 'bytes', 'len', 'length', 'width'],
  weight: ['weight', 'period', 'count'],
}
export const ROLES = Object.keys(NAMES) as Role[]

/** ns per unit. */
const TIME_UNITS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  sec: 1e9,
  seconds: 1e9,
  nanoseconds: 1,
  microseconds: 1e3,
  milliseconds: 1e6,
}

export interface TableLayout {
  /** Role of each column, undefined where the column is not used. */
  roles: (Role | undefined)[]
  /** Names as in the file. */
  names: string[]
  /** ns per unit of the time column. */
  timeFactor: number
  timeUnitSource: 'name' | 'option' | 'values'
  /** Bare digits of the address or page column are hexadecimal. */
  hexAddress: boolean
}

/** What the user says: `time=ts,address=va`, `time-unit=us`, `address-base=16`. */
export const TABLE_OPTIONS: Record<string, string> = {
  ...Object.fromEntries(ROLES.map((role) => [role, `name or number of the ${role} column`])),
  'time-unit': 'ns, us, ms or s (default: by the name, as in time_us; else decimals are seconds and whole numbers ns)',
  'address-base': '10 or 16 (default: by the values)',
}

/** Role and unit of a column name such as `Time (us)` or `timestamp_ns`. */
function meaning(name: string): { role: Role; rank: number; factor?: number } | undefined {
  const plain = name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_')
  const unit = /^(.+?)_?[([](\w+|µs)[)\]]$/.exec(plain) ?? /^(.+)_(ns|us|µs|ms|s|sec|seconds|nanoseconds|microseconds|milliseconds)$/.exec(plain)
  const factor = unit ? TIME_UNITS[unit[2]!] : undefined
  const base = factor !== undefined ? unit![1]! : plain
  for (const role of ROLES) {
    const rank = NAMES[role].indexOf(base)
    if (rank >= 0 && (factor === undefined || role === 'time')) return { role, rank, factor }
  }
  return undefined
}

/** How many columns have a known meaning; an access needs a place, and anything else beside it. */
export function understood(names: readonly string[]): { place: boolean; others: number } {
  const roles = new Set(names.map((name) => meaning(name)?.role))
  const place = roles.has('address') || roles.has('page')
  roles.delete(undefined)
  roles.delete('address')
  roles.delete('page')
  roles.delete('size')
  return { place, others: roles.size }
}

/** Finds the columns by the user's word or by their names; units and radix by name, option, or the first rows. */
export function layoutOf(
  names: string[],
  sample: readonly (readonly string[])[],
  options: Record<string, string>,
  where: { file: string; line: number },
): TableLayout {
  const roles: (Role | undefined)[] = names.map(() => undefined)
  let factor: number | undefined
  for (const role of ROLES) {
    const column = options[role] === undefined ? bestNamed(names, role) : chosen(names, options[role], role, where)
    if (column === undefined || roles[column] !== undefined) continue
    roles[column] = role
    if (role === 'time') factor = meaning(names[column]!)?.factor
  }
  if (roles.includes('address') && roles.includes('page')) roles[roles.indexOf('page')] = undefined
  if (!roles.includes('address') && !roles.includes('page'))
    throw new UserError('no column holds the address', {
      ...where,
      field: 'address',
      expected: `a column named ${NAMES.address.slice(0, 4).join(', ')} … or ${NAMES.page.slice(0, 2).join(', ')}`,
      got: names.map((name) => JSON.stringify(name)).join(', '),
      hint: 'Name it with --format-option address=NAME',
    })
  const place: Role = roles.includes('address') ? 'address' : 'page'
  if (roles.filter((role) => role !== undefined).length === 1 && options[place] === undefined)
    throw new UserError('a table of places, not of accesses', {
      ...where,
      expected: 'also a time, an operation, a task or a cpu',
      got: names.map((name) => JSON.stringify(name)).join(', '),
      hint: `To read each row as an access all the same, give --format-option ${place}=${names[roles.indexOf(place)]}`,
    })
  const cells = (role: Role) => sample.map((row) => row[roles.indexOf(role)] ?? '')
  return {
    roles,
    names,
    timeFactor: unitOption(options['time-unit']) ?? factor ?? (cells('time').some((cell) => cell.includes('.')) ? 1e9 : 1),
    timeUnitSource: options['time-unit'] !== undefined ? 'option' : factor !== undefined ? 'name' : 'values',
    hexAddress: radixOption(options['address-base']) ?? cells(place).some(looksHex),
  }
}

/** Bare digits with a letter among them, or padded with zeros to a fixed width. */
const looksHex = (cell: string): boolean => /^(?=.*[a-f])[0-9a-f]+$/i.test(cell.trim()) || /^0[0-9]{7,}$/.test(cell.trim())

function bestNamed(names: readonly string[], role: Role): number | undefined {
  let best: number | undefined
  let bestRank = Number.POSITIVE_INFINITY
  names.forEach((name, column) => {
    const found = meaning(name)
    if (found?.role !== role || found.rank >= bestRank) return
    best = column
    bestRank = found.rank
  })
  return best
}

function chosen(names: readonly string[], wanted: string, role: Role, where: { file: string; line: number }): number {
  const byName = names.indexOf(wanted)
  if (byName >= 0) return byName
  const byNumber = /^\d+$/.test(wanted) ? Number(wanted) - 1 : -1
  if (byNumber >= 0 && byNumber < names.length) return byNumber
  const near = closest(wanted, names)
  throw new UserError(`no column ${JSON.stringify(wanted)}`, {
    ...where,
    field: role,
    expected: names.join(', '),
    hint: near ? `Did you mean ${near}?` : undefined,
  })
}

function unitOption(unit: string | undefined): number | undefined {
  if (unit === undefined) return undefined
  const factor = TIME_UNITS[unit]
  if (factor === undefined) throw new UserError('unknown unit of time', { field: 'time-unit', expected: 'ns, us, ms or s', got: JSON.stringify(unit) })
  return factor
}

function radixOption(base: string | undefined): boolean | undefined {
  if (base === undefined) return undefined
  if (base !== '10' && base !== '16') throw new UserError('unknown base', { field: 'address-base', expected: '10 or 16', got: JSON.stringify(base) })
  return base === '16'
}
