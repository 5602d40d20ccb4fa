/** The same cache as plainly as possible: a list per set, most recent first (LRU), or of lines with their prediction (SRRIP). */
import type { CacheGeometry } from '../../src/cache/index.ts'

export interface TwinAccess {
  task: number
  process: number
  domain: number
  address: bigint
  bytes: number
  op: 'R' | 'W'
}

export interface TwinTraffic {
  op: 'R' | 'W'
  task: number
  address: bigint
}

interface Line {
  key: string
  address: bigint
  task: number
  dirty: boolean
  rrpv: number
}

export function slowTraffic(accesses: TwinAccess[], { bytes, ways, lineBytes, replacement }: CacheGeometry): TwinTraffic[] {
  const sets = BigInt(bytes / (ways * lineBytes))
  const caches = new Map<string, (Line | undefined)[]>()
  const recency = new Map<Line, number>()
  const traffic: TwinTraffic[] = []
  let now = 0
  for (const { task, process, domain, address, bytes: size, op } of accesses) {
    const line = BigInt(lineBytes)
    for (let start = address - (address % line); start < address + BigInt(Math.max(size, 1)); start += line) {
      now++
      const setKey = `${domain}/${(start / line) % sets}`
      const set = caches.get(setKey) ?? new Array<Line | undefined>(ways).fill(undefined)
      caches.set(setKey, set)
      const key = `${process}:${start}`
      const hit = set.find((candidate) => candidate?.key === key)
      if (hit) {
        hit.task = task
        hit.dirty ||= op === 'W'
        hit.rrpv = 0
        recency.set(hit, now)
        continue
      }
      traffic.push({ op: 'R', task, address: start })
      let place = set.indexOf(undefined)
      if (place < 0 && replacement === 'lru') {
        const oldest = [...set].sort((a, b) => recency.get(a!)! - recency.get(b!)!)[0]
        place = set.indexOf(oldest)
      } else if (place < 0) {
        while (!set.some((candidate) => candidate!.rrpv === 3)) for (const candidate of set) candidate!.rrpv++
        place = set.findIndex((candidate) => candidate!.rrpv === 3)
      }
      const victim = set[place]
      if (victim?.dirty) traffic.push({ op: 'W', task: victim.task, address: victim.address })
      const fresh: Line = { key, address: start, task, dirty: op === 'W', rrpv: 2 }
      recency.set(fresh, now)
      set[place] = fresh
    }
  }
  return traffic
}
