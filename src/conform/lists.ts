/** The small languages of step arguments: page lists, node masks, addresses to move. */
import { nodeMask } from '../kernel/index.ts'

/** `0-9,12,20-40/4` in the order written. */
export function parsePages(text: string | number): number[] {
  const pages: number[] = []
  for (const part of String(text).split(',')) {
    const match = /^(\d+)(?:-(\d+)(?:\/(\d+))?)?$/.exec(part)
    if (match === null) throw new Error(`page list: ${text}`)
    const first = Number(match[1])
    const last = match[2] === undefined ? first : Number(match[2])
    const step = match[3] === undefined ? 1 : Number(match[3])
    for (let page = first; page <= last; page += step) pages.push(page)
  }
  return pages
}

/** A node mask as get_nodes() reads it, or why it cannot: `maxnode` - 1 bits count, at most 8 pages' worth, below MAX_NUMNODES. */
export function parseMask(text: string | number | undefined, maxnode = 1024): number[] | 'EINVAL' {
  const bits = maxnode - 1
  const isNull = text === 'null'
  if (bits === 0 || isNull) return []
  if (bits < 0 || bits > 4096 * 8) return 'EINVAL'
  if (text === undefined || text === 'empty' || text === '') return []
  const members = String(text).split(',').map(Number)
  const visible = members.filter((node) => node < bits)
  return visible.some((node) => node >= 1024) ? 'EINVAL' : [...nodeMask(visible)]
}

/** A list as cpuset.mems takes it: `0,2-3`; undefined when it is not one. */
export function parseCpusetList(text: string): number[] | undefined {
  if (text === '') return []
  const members: number[] = []
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part)
    if (match === null) return undefined
    const last = Number(match[2] ?? match[1])
    if (last < Number(match[1])) return undefined
    for (let n = Number(match[1]); n <= last; n++) members.push(n)
  }
  return [...nodeMask(members)]
}

export interface MoveItem {
  /** Region and page, or an absolute address. */
  region?: string
  page: number
  node: number
}

/** `A:0-3@100>1;0x7000>0` in the order written. */
export function parseMoveList(text: string): MoveItem[] {
  const items: MoveItem[] = []
  if (text === '') return items
  for (const part of text.split(';')) {
    const [place, target] = part.split('>') as [string, string | undefined]
    const node = target === undefined ? -1 : Number(target)
    if (place.startsWith('0x')) {
      items.push({ page: Number(BigInt(place) / 4096n), node })
      continue
    }
    const [region, list] = place.split(':') as [string, string]
    for (const page of parsePages(list.split('@')[0]!)) items.push({ region, page, node })
  }
  return items
}

/** `t1@A:w:0-9;B:r:3,5|t2@…`: what each thread touches, in order. */
export function parseTouches(text: string): { thread: string; touches: { region: string; write: boolean; pages: number[] }[] }[] {
  return text.split('|').map((part) => {
    const [thread, list] = part.split('@') as [string, string]
    const touches = list
      .split(';')
      .filter((item) => item !== '')
      .map((item) => {
        const [region, kind, pages] = item.split(':') as [string, string, string]
        return { region, write: kind === 'w', pages: parsePages(pages) }
      })
    return { thread, touches }
  })
}
