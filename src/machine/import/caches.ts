/** Last-level caches, from whatever the dumps say of them: size and ways of one, and which cpus share one. */
import { formatList, formatSize } from '../../units.ts'
import type { MachineDocument } from '../machine-file.ts'
import type { Findings } from './findings.ts'

/** What one dump says about the caches of the highest level that it knows. */
export interface CacheFinding {
  level: number
  /** Of one cache; left out where the dump rounds it. */
  bytes?: number | undefined
  ways?: number | undefined
  lineBytes?: number | undefined
  /** How many there are. */
  instances?: number | undefined
  /** The cpus of each. */
  sharedBy?: number[][] | undefined
  /** Not all caches of this level are alike, as on processors with two kinds of cores. */
  differ?: true
}

/** Takes `one` over: keeps the higher level; of the same level, joins the groups of cpus and notices caches that differ. */
export function joinCaches(one: CacheFinding | undefined, other: CacheFinding): CacheFinding {
  if (one === undefined || other.level > one.level) return other
  if (other.level < one.level) return one
  const differ = one.differ || (['bytes', 'ways', 'lineBytes'] as const).some((key) => (one[key] ?? other[key]) !== (other[key] ?? one[key]))
  const sharedBy = one.sharedBy ?? other.sharedBy
  if (one.sharedBy && other.sharedBy) for (const cpus of other.sharedBy) one.sharedBy.push(cpus)
  return {
    level: one.level,
    bytes: one.bytes ?? other.bytes,
    ways: one.ways ?? other.ways,
    lineBytes: one.lineBytes ?? other.lineBytes,
    instances: one.instances ?? other.instances,
    sharedBy,
    ...(differ ? { differ: true } : {}),
  }
}

/** Groups of cpus by the number of the cache that each uses. */
export function sharedByNumber(cacheOfCpu: Iterable<[cpu: number, cache: string]>): number[][] {
  const groups = new Map<string, number[]>()
  for (const [cpu, cache] of cacheOfCpu) {
    const group = groups.get(cache)
    if (group) group.push(cpu)
    else groups.set(cache, [cpu])
  }
  return [...groups.values()]
}

const LINE = 64

/** The `llc` of the machine file, or a note that says which dump would complete it; neither where no dump knows a cache. */
export function lastLevelCaches(findings: Findings[], cpusOfNodes: number[][]): { llc?: NonNullable<MachineDocument['llc']>; note?: string } {
  const named = findings.flatMap((one) => (one.cache ? [one.cache] : []))
  if (named.length === 0) return {}
  const level = Math.max(...named.map((one) => one.level))
  const known = named.filter((one) => one.level === level)
  const first = <K extends keyof CacheFinding>(key: K): CacheFinding[K] | undefined => known.find((one) => one[key] !== undefined)?.[key]
  const bytes = first('bytes')
  const ways = first('ways')
  const what = `last-level cache (L${level}${bytes === undefined ? '' : `, ${formatSize(bytes)}`})`
  const leftOut = (why: string): { note: string } => ({ note: `${what} left out: ${why}` })

  if (first('differ')) return leftOut('the caches of this level are not all alike')
  if (ways === undefined || !bytes) return leftOut('no dump says its size and ways; lscpu -B -C, lstopo and sysfs do')
  const line = first('lineBytes') ?? LINE
  if (bytes % (ways * line) !== 0)
    return leftOut(`the size is no multiple of ${ways} ways of ${line} bytes, perhaps because it was rounded; lscpu -B -C is exact`)
  const geometry = { size: `${bytes / 1024}KiB`, ways, line }

  const perNode = cpusOfNodes.filter((cpus) => cpus.length > 0)
  const all = perNode.flat()
  const here = new Set(all)
  const sharedBy = first('sharedBy')
    ?.map((cpus) => cpus.filter((cpu) => here.has(cpu)))
    .filter((cpus) => cpus.length > 0)
  const instances = first('instances')
  if (sharedBy?.length) {
    const isPerNode = sameGroups(sharedBy, perNode)
    return { llc: isPerNode ? geometry : { ...geometry, sharedBy: sharedBy.map((cpus) => formatList(cpus)).sort(byFirstCpu) } }
  }
  if (instances === perNode.length) return { llc: geometry }
  if (instances === 1) return { llc: { ...geometry, sharedBy: [formatList(all)] } }
  return leftOut(`no dump says which cpus share one${instances === undefined ? '' : ` of the ${instances}`}; lscpu -p, lstopo and sysfs do`)
}

const byFirstCpu = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10)

function sameGroups(a: number[][], b: number[][]): boolean {
  const texts = (groups: number[][]): string => groups.map((cpus) => formatList(cpus)).sort().join(';') // biome-ignore format: one thought
  return texts(a) === texts(b)
}
