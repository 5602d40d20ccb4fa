/** `lstopo --of xml` of hwloc 2: nodes, memory, caches, distances, memory attributes (the best initiator of each node only). */
import { UserError } from '../../errors.ts'
import { joinCaches } from './caches.ts'
import { type DumpReader, emptyFindings, type Findings, positive, quoted, type Sparse, wholeNumber } from './findings.ts'
import { descendants, type Element, parseXml } from './xml.ts'

const FORMAT = 'lstopo XML'

export const lstopo: DumpReader = {
  format: FORMAT,
  recognises: (text) => /^\s*(?:<\?xml[^>]*>\s*)?(?:<!DOCTYPE topology[^>]*>\s*)?<topology[\s>]/.test(text.slice(0, 4096)),
  read,
}

/** Linux has at most 8192 cpus on x86 (CONFIG_NR_CPUS). */
const MOST_CPUS = 1 << 16

interface NumaNode {
  id: number
  /** gp_index: what memory attributes refer to. */
  gpIndex: string
  cpuset: bigint
}

function read(text: string, file: string): Findings {
  const root = parseXml(text, file)
  if (root.attributes.get('version') === undefined) {
    throw new UserError('written by hwloc 1', { file, expected: 'lstopo of hwloc 2 or later', hint: 'Export again with a current lstopo --of xml' })
  }
  const found = emptyFindings(file, FORMAT)
  const elements = [...descendants(root)]
  const nodes = elements.filter((one) => one.name === 'object' && one.attributes.get('type') === 'NUMANode').map((one) => numaNode(one, file, found))
  if (nodes.length === 0) throw new UserError('no NUMANode object found', { file })
  for (const { id } of nodes) found.nodes.add(id)
  found.listsAllNodes = true
  found.model = elements.find((one) => one.name === 'info' && one.attributes.get('name') === 'CPUModel')?.attributes.get('value')

  for (const table of root.children.filter((one) => one.name === 'distances2')) readDistances(table, nodes, file, found)
  giveCpus(nodes, found)
  for (const one of elements) if (one.name === 'object' && /^L\dCache$/.test(one.attributes.get('type') ?? '')) readCache(one, file, found)
  for (const attribute of root.children.filter((one) => one.name === 'memattr')) readAttribute(attribute, nodes, file, found)
  return found
}

function numaNode(element: Element, file: string, found: Findings): NumaNode {
  const id = wholeNumber(element.attributes.get('os_index') ?? '', { file, field: 'os_index of a NUMANode' })
  found.bytes.set(id, wholeNumber(element.attributes.get('local_memory') ?? '0', { file, field: `local_memory of node ${id}` }, 2 ** 52))
  const subtype = element.attributes.get('subtype')
  if (subtype !== undefined) found.kind.set(id, subtype.slice(0, 40))
  return { id, gpIndex: element.attributes.get('gp_index') ?? '', cpuset: bitmap(element.attributes.get('cpuset') ?? '0x0', file) }
}

/** `0x0000000f,0xffffffff`: groups of 32 bits, highest first; an empty group is zero. */
function bitmap(text: string, file: string): bigint {
  const groups = text.split(',')
  if (groups.length > MOST_CPUS / 32 || !groups.every((group) => /^(0x[0-9a-f]{1,8})?$/.test(group))) {
    throw new UserError('not a cpu set', { file, field: 'cpuset', expected: 'hexadecimal words such as 0x0000000f', got: quoted(text) })
  }
  return BigInt(`0x${groups.map((group) => group.slice(2).padStart(8, '0')).join('')}`)
}

function members(set: bigint): number[] {
  // bit 0 is the last digit
  const digits = set.toString(2)
  return [...digits].flatMap((digit, i) => (digit === '1' ? [digits.length - 1 - i] : [])).reverse()
}

/**
 * A memory-only node carries the cpuset of the object it hangs on, so a cpu may seem to belong to several nodes. It goes to
 * the node with the smallest set, among equals to the one with the lowest number: firmware lists nodes with cpus first.
 */
function giveCpus(nodes: NumaNode[], found: Findings): void {
  const sizeOf = new Map(nodes.map((node) => [node, members(node.cpuset).length]))
  const order = [...nodes].sort((a, b) => sizeOf.get(a)! - sizeOf.get(b)! || a.id - b.id)
  let taken = 0n
  for (const node of order) {
    const free = members(node.cpuset & ~taken)
    if (free.length < sizeOf.get(node)!) found.cpusAreGuessed = true
    found.cpus.set(node.id, free)
    taken |= node.cpuset
  }
}

/** Of instructions are L1iCache and so on, memory-side caches MemCache: both play no part here. */
function readCache(element: Element, file: string, found: Findings): void {
  const number = (name: string, limit: number): number | undefined => {
    const text = element.attributes.get(name) ?? ''
    // 0 = not known, -1 = fully associative
    return /^(|0|-1)$/.test(text) ? undefined : wholeNumber(text, { file, field: `${name} of a cache` }, limit)
  }
  const cpus = members(bitmap(element.attributes.get('cpuset') ?? '0x0', file))
  found.cache = joinCaches(found.cache, {
    level: Number(element.attributes.get('type')![1]),
    bytes: number('cache_size', 2 ** 40),
    ways: number('cache_associativity', 65_535),
    lineBytes: number('cache_linesize', 65_535),
    sharedBy: cpus.length > 0 ? [cpus] : undefined,
  })
}

function numbers(table: Element, name: string): string[] {
  // long lists are split over several elements
  return table.children
    .filter((one) => one.name === name)
    .flatMap((one) => one.text.split(/\s+/))
    .filter(Boolean)
}

function readDistances(table: Element, nodes: NumaNode[], file: string, found: Findings): void {
  if (table.attributes.get('type') !== 'NUMANode' || table.attributes.get('name') !== 'NUMALatency') return
  const byGp = new Map(nodes.map(({ gpIndex, id }) => [gpIndex, id]))
  const ids = numbers(table, 'indexes').map((index) =>
    table.attributes.get('indexing') === 'gp' ? (byGp.get(index) ?? -1) : wholeNumber(index, { file, field: 'indexes' }),
  )
  const values = numbers(table, 'u64values')
  if (values.length !== ids.length * ids.length) {
    throw new UserError('the distance matrix is incomplete', {
      file,
      expected: `${ids.length * ids.length} values for ${ids.length} nodes`,
      got: `${values.length}`,
    })
  }
  for (const [i, from] of ids.entries()) {
    for (const [j, to] of ids.entries()) found.distance.set(from, to, wholeNumber(values[i * ids.length + j]!, { file, field: 'u64values' }, 255))
  }
}

function readAttribute(attribute: Element, nodes: NumaNode[], file: string, found: Findings): void {
  const name = attribute.attributes.get('name') ?? ''
  // hwloc's Latency and Bandwidth are those of reads where both are known
  const targets: Record<string, [Sparse, number][]> = {
    Latency: [[found.readNs, 1]],
    WriteLatency: [[found.writeNs, 1]],
    Bandwidth: [[found.bandwidthGBps, 1000]],
  }
  for (const [matrix, unit] of targets[name] ?? []) {
    for (const value of attribute.children.filter((one) => one.name === 'memattr_value')) {
      const target = nodes.find(({ gpIndex }) => gpIndex === value.attributes.get('target_obj_gp_index'))
      const initiators = bitmap(value.attributes.get('initiator_cpuset') ?? '0x0', file)
      if (!target) continue
      for (const { id } of nodes) {
        const cpus = found.cpus.get(id)!
        if (cpus.length > 0 && cpus.every((cpu) => (initiators >> BigInt(cpu)) & 1n)) {
          matrix.set(id, target.id, positive(value.attributes.get('value') ?? '', { file, field: `${name} of node ${target.id}` }) / unit)
        }
      }
    }
  }
}
