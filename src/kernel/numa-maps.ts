/** Where the pages of a process are, as /proc/PID/numa_maps and numastat(8) print it (fs/proc/task_mmu.c:show_numa_map). */
import type { MachineNode } from '../machine/index.ts'
import { formatList } from '../units.ts'
import { ownPolicy, type Process, type Vma } from './address-space.ts'
import { ABSENT } from './face.ts'
import type { Mempolicy } from './mempolicy.ts'
import { PAGE, type Pages } from './pages.ts'
import type { Vmstat } from './vmstat.ts'

/** One line a mapping: start address in hex, policy, counts, N<id>=pages. Node ids are the operating system's. */
export function numaMaps(process: Process, pages: Pages, nodes: readonly MachineNode[], pageSize: number): string {
  return process.vmas.map((vma) => line(vma, process, pages, nodes, pageSize)).join('\n')
}

function line(vma: Vma, { tasks }: Process, pages: Pages, nodes: readonly MachineNode[], pageSize: number): string {
  const perNode = new Map<number, number>()
  let present = 0
  let dirty = 0
  let active = 0
  let writeback = 0
  let mapmax = 0
  let anon = 0
  for (const page of vma.ptes) {
    if (page < 0 || pages.node[page] === ABSENT) continue
    const state = pages.state(page)
    const count = pages.standsFor(page)
    present += count
    perNode.set(pages.node[page]!, (perNode.get(pages.node[page]!) ?? 0) + count)
    if ((state & PAGE.dirty) !== 0) dirty += count
    if ((state & PAGE.active) !== 0) active += count
    if ((state & PAGE.writeback) !== 0) writeback += count
    if ((state & PAGE.file) === 0 && vma.kind === 'anon') anon += count
    mapmax = Math.max(mapmax, pages.mapcount(page))
  }
  const policy = policyText(ownPolicy(vma, 0) ?? tasks[0]?.policy ?? null, nodes)
  const parts = [(vma.start * pageSize).toString(16).padStart(8, '0'), policy]
  if (vma.kind !== 'anon') parts.push(`file=${vma.name.replace(/\s/g, (blank) => `\\0${blank.charCodeAt(0).toString(8)}`)}`)
  if (present > 0) {
    if (anon > 0) parts.push(`anon=${anon}`)
    if (dirty > 0) parts.push(`dirty=${dirty}`)
    if (present !== anon && present !== dirty) parts.push(`mapped=${present}`)
    if (mapmax > 1) parts.push(`mapmax=${mapmax}`)
    if (active < present) parts.push(`active=${active}`)
    if (writeback > 0) parts.push(`writeback=${writeback}`)
    for (const [node, count] of [...perNode].sort(([a], [b]) => a - b)) parts.push(`N${nodes[node]!.id}=${count}`)
    parts.push(`kernelpagesize_kB=${pageSize / 1024}`)
  }
  return parts.join(' ')
}

/** mm/mempolicy.c:mpol_to_str(). */
export function policyText(policy: Mempolicy | null, nodes: readonly MachineNode[]): string {
  if (policy === null) return 'default'
  const names = {
    preferred: 'prefer',
    bind: 'bind',
    interleave: 'interleave',
    local: 'local',
    preferred_many: 'prefer (many)',
    weighted_interleave: 'weighted interleave',
  }
  const flags = policy.flags.length > 0 ? `=${policy.flags.join('|')}` : ''
  const list = policy.nodes.length > 0 ? `:${formatList(policy.nodes.map((node) => nodes[node]!.id))}` : ''
  return `${names[policy.mode]}${flags}${list}`
}

const NUMASTAT = [
  ['numa_hit', 'numa_hit'],
  ['numa_miss', 'numa_miss'],
  ['numa_foreign', 'numa_foreign'],
  ['interleave_hit', 'numa_interleave'],
  ['local_node', 'numa_local'],
  ['other_node', 'numa_other'],
] as const

/** Rows and columns of numastat(8); values in pages. */
export function numastat(vmstat: Vmstat, nodes: readonly MachineNode[]): string {
  const header = `${''.padEnd(16)}${nodes.map(({ id }) => `node${id}`.padStart(16)).join('')}`
  const rows = NUMASTAT.map(([name, item]) => name.padEnd(16) + nodes.map((_, node) => String(vmstat.ofNode(node)[item] ?? 0).padStart(16)).join(''))
  return [header, ...rows].join('\n')
}
