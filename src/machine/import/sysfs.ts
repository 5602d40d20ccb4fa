/**
 * /sys/devices/system/node and the caches of /sys/devices/system/cpu, as a folder (also the live /sys), a tar archive, or a listing `path: value` as `grep -r .` prints it.
 * Documentation/ABI/stable/sysfs-devices-node, testing/sysfs-devices-system-cpu and Documentation/admin-guide/mm/numaperf.rst.
 */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../../errors.ts'
import { parseList, parseSize } from '../../units.ts'
import { joinCaches } from './caches.ts'
import { type DumpReader, emptyFindings, type Findings, positive, quoted, wholeNumber } from './findings.ts'

const FORMAT = 'sysfs'

/** Contents of the few files that matter, by the end of their path: `node0/cpulist`, `memory_tier4/nodelist`. */
export type SysfsTree = Map<string, string>

const WANTED =
  /(?:^|\/)(node\d+\/(?:cpulist|distance|meminfo|access[01]\/initiators\/(?:read_latency|write_latency|read_bandwidth|node\d+))|memory_tier\d+\/nodelist|cpu\d+\/cache\/index\d+\/(?:level|type|size|ways_of_associativity|coherency_line_size|shared_cpu_list))(?:\/[^/]*)?$/

/** The key of a path in the tree, or undefined for a file that says nothing here. */
export function sysfsKey(path: string): string | undefined {
  return WANTED.exec(path)?.[1]
}

const CACHE_FILES = ['level', 'type', 'size', 'ways_of_associativity', 'coherency_line_size', 'shared_cpu_list']

/** Where the node folder may lie below a folder that somebody names: /sys, a copy of it, or the node folder itself. */
const ROOTS = ['', 'node', 'system/node', 'devices/system/node', 'sys/devices/system/node', 'sysfs/sys/devices/system/node']

export function readSysfsFolder(folder: string): SysfsTree {
  const root = ROOTS.map((below) => join(folder, below)).find((candidate) => existsSync(join(candidate, 'node0')) || nodeFolders(candidate).length > 0)
  if (root === undefined) {
    throw new UserError('no NUMA nodes found in this folder', {
      file: folder,
      expected: 'a folder with node0/cpulist, such as /sys/devices/system/node or a copy',
    })
  }
  const tree: SysfsTree = new Map()
  const add = (path: string): void => {
    const key = sysfsKey(path)
    if (key === undefined || !existsSync(path)) return
    if (/\/initiators\/node\d+$/.test(key)) tree.set(key, '')
    // a copy may come from anywhere: links, pipes and devices are no files of sysfs
    else if (lstatSync(path).isFile()) tree.set(key, readFileSync(path, 'latin1'))
  }
  for (const node of nodeFolders(root)) {
    for (const name of ['cpulist', 'distance', 'meminfo']) add(join(root, node, name))
    for (const access of ['access0', 'access1']) {
      const initiators = join(root, node, access, 'initiators')
      if (existsSync(initiators)) for (const name of readdirSync(initiators)) add(join(initiators, name))
    }
  }
  const cpus = join(root, '../cpu')
  for (const cpu of existsSync(cpus) ? readdirSync(cpus).filter((name) => /^cpu\d+$/.test(name)) : []) {
    const caches = join(cpus, cpu, 'cache')
    if (existsSync(caches)) for (const index of readdirSync(caches)) for (const name of CACHE_FILES) add(join(caches, index, name))
  }
  const tiers = join(root, '../../virtual/memory_tiering')
  if (existsSync(tiers)) for (const tier of readdirSync(tiers)) add(join(tiers, tier, 'nodelist'))
  return tree
}

const nodeFolders = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && /^node\d+$/.test(entry.name))
        .map(({ name }) => name)
    : []

/** `/sys/devices/…/nodelist: 0-1`; files of several lines repeat their path. */
export const sysfsListing: DumpReader = {
  format: 'sysfs listing',
  recognises: (text) => /^\S*(?:\/devices\/system\/(?:node\/node|cpu\/cpu)\d+\/|\/memory_tier\d+\/)\S+:/m.test(text.slice(0, 16384)),
  read(text, file) {
    const tree: SysfsTree = new Map()
    for (const line of text.split('\n')) {
      const colon = line.indexOf(':')
      const key = colon === -1 ? undefined : sysfsKey(line.slice(0, colon))
      if (key !== undefined) tree.set(key, `${tree.get(key) ?? ''}${line.slice(colon + 1).trim()}\n`)
    }
    return readSysfs(tree, file)
  },
}

export function readSysfs(tree: SysfsTree, file: string): Findings {
  const found = emptyFindings(file, FORMAT)
  // tar pads a file of sysfs, which claims 4096 bytes, with zeros
  const content = (key: string): string | undefined => tree.get(key)?.replaceAll('\0', '').trim()
  const ids = [...new Set([...tree.keys()].flatMap((key) => /^node(\d+)\//.exec(key)?.[1] ?? []))]
    .map((id) => wholeNumber(id, { file, field: 'node' }))
    .sort((a, b) => a - b)
  for (const id of ids) {
    found.nodes.add(id)
    const cpus = content(`node${id}/cpulist`)
    if (cpus !== undefined) found.cpus.set(id, cpus === '' ? [] : parseList(cpus, `${file}: node${id}/cpulist`))
    const total = /MemTotal:\s+(\d+) kB/.exec(content(`node${id}/meminfo`) ?? '')
    if (total) found.bytes.set(id, wholeNumber(total[1]!, { file, field: `node${id}/meminfo` }, 2 ** 42) * 1024)
    readDistances(id, content(`node${id}/distance`), ids, file, found)
  }
  found.listsAllNodes = ids.length > 0
  for (const [key, value] of tree) {
    const tier = /^memory_tier(\d+)\//.exec(key)
    const nodes = value.replaceAll('\0', '').trim()
    if (tier && nodes !== '') for (const node of parseList(nodes, `${file}: ${key}`)) found.tier.set(node, Number(tier[1]))
  }
  readCaches(tree, content, file, found)
  for (const target of ids) readAccess(target, content, file, found)
  if (found.nodes.size === 0 && found.tier.size === 0 && found.cache === undefined)
    throw new UserError('no NUMA nodes found', { file, expected: 'files such as node0/cpulist' })
  return found
}

/** One row; entries for online nodes only, in order. */
function readDistances(from: number, row: string | undefined, ids: number[], file: string, found: Findings): void {
  if (row === undefined || row === '') return
  const distances = row.split(/\s+/)
  if (distances.length !== ids.length) {
    throw new UserError('distances do not fit the nodes', { file, field: `node${from}/distance`, expected: `${ids.length} numbers`, got: quoted(row) })
  }
  for (const [i, to] of ids.entries()) found.distance.set(from, to, wholeNumber(distances[i]!, { file, field: `node${from}/distance` }, 255))
}

/** Caches of data of the highest level; every cpu lists those that it uses, so each is met once for every cpu that shares it. */
function readCaches(tree: SysfsTree, content: (key: string) => string | undefined, file: string, found: Findings): void {
  const seen = new Set<string>()
  for (const key of tree.keys()) {
    const folder = /^(cpu\d+\/cache\/index\d+)\/level$/.exec(key)?.[1]
    if (folder === undefined || content(`${folder}/type`) === 'Instruction') continue
    const number = (name: string): number | undefined => {
      const text = content(`${folder}/${name}`)
      // 0 = not known; a fully associative cache has it too
      return text === undefined || text === '0' || text === '' ? undefined : wholeNumber(text, { file, field: `${folder}/${name}` })
    }
    const level = number('level')
    const cpus = content(`${folder}/shared_cpu_list`) ?? ''
    if (level === undefined || seen.has(`${level} ${cpus}`)) continue
    seen.add(`${level} ${cpus}`)
    const size = content(`${folder}/size`)
    found.cache = joinCaches(found.cache, {
      level,
      bytes: size === undefined ? undefined : parseSize(size, `${file}: ${folder}/size`),
      ways: number('ways_of_associativity'),
      lineBytes: number('coherency_line_size'),
      sharedBy: cpus === '' ? undefined : [parseList(cpus, `${file}: ${folder}/shared_cpu_list`)],
    })
  }
}

/**
 * HMAT figures of a node as seen from its best initiators: class 1 counts cpus only, class 0 any initiator (kernels before
 * 5.10 have no class 1). A copy often lacks the links that name the initiators; then it is the node itself or the nearest with cpus.
 */
function readAccess(target: number, content: (key: string) => string | undefined, file: string, found: Findings): void {
  const access = [`node${target}/access1/initiators`, `node${target}/access0/initiators`].find((folder) => content(`${folder}/read_latency`) !== undefined)
  if (access === undefined) return
  const linked = [...found.nodes].filter((node) => content(`${access}/node${node}`) !== undefined && found.cpus.get(node)?.length)
  for (const from of linked.length > 0 ? linked : nearest(target, found)) {
    for (const [name, matrix, unit] of [
      ['read_latency', found.readNs, 1],
      ['write_latency', found.writeNs, 1],
      ['read_bandwidth', found.bandwidthGBps, 1000],
    ] as const) {
      const value = content(`${access}/${name}`)
      // 0 = the firmware did not say
      if (value !== undefined && value !== '0') matrix.set(from, target, positive(value, { file, field: `${access}/${name}` }) / unit)
    }
  }
}

function nearest(target: number, found: Findings): number[] {
  const candidates = [...found.nodes].filter((node) => found.cpus.get(node)?.length)
  if (candidates.includes(target)) return [target]
  candidates.sort((a, b) => (found.distance.get(a, target) ?? 255) - (found.distance.get(b, target) ?? 255) || a - b)
  return candidates.slice(0, 1)
}
