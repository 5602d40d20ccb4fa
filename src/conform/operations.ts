/** Every operation of the recorded scenarios on the model, by name. A step gives its arguments, the answer is what would be observed. */
import {
  accessOrKill,
  attach,
  createCpuset,
  discard,
  errno,
  fork,
  type Mempolicy,
  makePolicy,
  mayAccess,
  mbind,
  migratePages,
  mlock,
  mmap,
  movePages,
  mprotect,
  munlock,
  munmap,
  NOT_WRITTEN,
  nodeMask,
  ownPolicy,
  type PolicyFlag,
  type Process,
  pin,
  queryPages,
  removeCpuset,
  setHomeNode,
  type Task,
  unpin,
  writeMems,
} from '../kernel/index.ts'
import { formatList } from '../units.ts'
import type { Observed, Step } from './case-file.ts'
import { toRuns } from './case-file.ts'
import { parseCpusetList, parseMask, parseMoveList, parsePages, parseTouches } from './lists.ts'
import type { Actor, Scenario } from './scenario.ts'
import { rememberVmstat, snapshot, vmstatDelta } from './snapshot.ts'

type Args = Record<string, string | number>
export type Operation = (scenario: Scenario, step: Step) => Observed

const args = (step: Step): Args => step.args ?? {}
const text = (value: string | number | undefined): string => String(value ?? '')

/** A return value as the recording program prints it: -1 with the name of the errno. */
function returned(code: number): Observed {
  return code < 0 ? { ret: -1, errno: errno.errnoName(code) } : { ret: code }
}

/** Pages `off` … `off + n - 1` of region `r`; without them the whole region. */
function span(actor: Actor, { r, off, n }: Args): { start: number; pages: number } {
  const region = actor.regions.get(text(r))!
  return { start: region.start + Number(off ?? 0), pages: n === undefined ? region.pages - Number(off ?? 0) : Number(n) }
}

/**
 * Reads or writes pages in order; the process dies when memory runs out. A write is a load followed by a store, but a plain
 * store in regions with huge pages.
 */
function touchAll(scenario: Scenario, task: Task, actor: Actor, region: string, pages: Iterable<number>, write: boolean): Observed {
  const { start } = actor.regions.get(region)!
  const plain = actor.plainStores.has(region)
  let touched = 0
  for (const page of pages) {
    const load = write && plain ? 'done' : accessOrKill(scenario.kernel, task, start + page, false)
    const result = load === 'done' && write ? accessOrKill(scenario.kernel, task, start + page, true) : load
    if (result !== 'done') return { touched, died: true }
    touched++
  }
  return { touched }
}

function allPages(actor: Actor, region: string): number[] {
  return Array.from({ length: actor.regions.get(region)!.pages }, (_, page) => page)
}

const KINDS = { anon: 'anon', shmem: 'shmem', fshared: 'file', fpriv: 'file' } as const
const MODES = ['default', 'preferred', 'bind', 'interleave', 'local', 'preferred_many', 'weighted_interleave'] as const
const MODE_FLAGS: Record<PolicyFlag, number> = { static: 32768, relative: 16384, balancing: 8192 }

/** `bind+static`; undefined for a mode that does not exist. */
function parseMode(value: string | number | undefined): { mode: (typeof MODES)[number]; flags: PolicyFlag[] } | undefined {
  const [name, ...flags] = text(value).split('+')
  const mode = MODES.find((known) => known === name)
  return mode === undefined ? undefined : { mode, flags: flags as PolicyFlag[] }
}

/** The process a system call is about: itself, another of the scenario, or whoever has a process id. */
function target(scenario: Scenario, caller: Process, { target: name, pid }: Args): Process | 'none' | 'kernel thread' {
  if (name !== undefined) return scenario.actor(text(name)).process
  if (pid === undefined) return caller
  return Number(pid) === 2 ? 'kernel thread' : 'none'
}

function weight(value: string | number): number {
  return Number(value) === 0 ? 1 : Number(value)
}

export const OPERATIONS: Record<string, Operation> = {
  spawn(scenario, step) {
    const { p, cpus } = args(step)
    const process = fork(scenario.kernel, scenario.controller, scenario.nextPid++)
    const task = process.tasks[0]!
    scenario.addActor(text(p), process, task)
    scenario.program.born(task)
    scenario.bind(task, cpus)
    scenario.program.step(task, step)
    return { ret: 0 }
  },

  fork(scenario, step) {
    const parent = scenario.actor(step.on)
    const process = fork(scenario.kernel, scenario.task(step.on), scenario.nextPid++)
    scenario.addActor(text(args(step)['new']), process, process.tasks[0]!, parent)
    scenario.program.forked(process.tasks[0]!)
    return { ret: 0 }
  },

  tcreate(scenario, step) {
    const { t, cpus } = args(step)
    const actor = scenario.actor(step.on)
    const first = actor.threads.get('')!
    scenario.program.threadCreated(first, actor.threads.size)
    const thread = scenario.kernel.addTask(actor.process, scenario.nextPid++, first.node, first)
    scenario.bind(thread, cpus)
    actor.threads.set(text(t), thread)
    return { ret: 0 }
  },

  cpu(scenario, step) {
    const { cpus, t } = args(step)
    const task = t === undefined ? scenario.task(step.on) : scenario.actor(step.on).threads.get(text(t))!
    scenario.bind(task, cpus)
    return { ret: 0 }
  },

  mmap(scenario, step) {
    const { r, kind, addr, pages, path, thp } = args(step)
    const actor = scenario.actor(step.on)
    const start = Number(BigInt(text(addr)) / 4096n)
    const shape = KINDS[text(kind) as keyof typeof KINDS]
    const inode = Number(step.observed.inode ?? 0)
    const object = shape === 'anon' ? undefined : scenario.object(path === undefined ? undefined : text(path), Number(pages), inode)
    mmap(scenario.kernel, actor.process, {
      name: path === undefined ? '' : text(path),
      start,
      pages: Number(pages),
      kind: shape,
      shared: kind === 'shmem' || kind === 'fshared',
      ...(object && { object }),
      thp: thp === undefined ? undefined : Number(thp) === 1,
    })
    actor.regions.set(text(r), { start, pages: Number(pages), kind: text(kind) })
    if (Number(thp) === 1) actor.plainStores.add(text(r))
    return step.observed.inode === undefined ? { ret: 0 } : { ret: 0, inode }
  },

  munmap(scenario, step) {
    const actor = scenario.actor(step.on)
    const { start, pages } = span(actor, args(step))
    return returned(munmap(scenario.kernel, actor.process, start, pages))
  },

  release(scenario, step) {
    const actor = scenario.actor(step.on)
    const { start, pages } = span(actor, args(step))
    return returned(discard(scenario.kernel, actor.process, start, pages))
  },

  mlock(scenario, step) {
    const { start, pages } = span(scenario.actor(step.on), args(step))
    return returned(mlock(scenario.kernel, scenario.task(step.on), start, pages))
  },

  mlock_onfault(scenario, step) {
    const { start, pages } = span(scenario.actor(step.on), args(step))
    return returned(mlock(scenario.kernel, scenario.task(step.on), start, pages, true))
  },

  munlock(scenario, step) {
    const actor = scenario.actor(step.on)
    const { start, pages } = span(actor, args(step))
    return returned(munlock(scenario.kernel, actor.process, start, pages))
  },

  mprotect(scenario, step) {
    const actor = scenario.actor(step.on)
    const { start, pages } = span(actor, args(step))
    const protection = Number(args(step)['prot'])
    return returned(mprotect(scenario.kernel, actor.process, start, pages, { read: (protection & 1) !== 0, write: (protection & 2) !== 0 }))
  },

  madvise(scenario, step) {
    const actor = scenario.actor(step.on)
    const { start, pages } = span(actor, args(step))
    return returned(scenario.madvise(actor, start, pages, Number(args(step)['advice'])))
  },

  place(scenario, step) {
    const { r, node, pg } = args(step)
    const { kernel } = scenario
    const task = scenario.task(step.on)
    const policy = makePolicy('bind', [], [Number(node)], task.mems, kernel.memoryNodes, kernel.nodes)
    if (policy === errno.EINVAL) return { touched: 0 }
    task.policy = policy
    const actor = scenario.actor(step.on)
    const result = touchAll(scenario, task, actor, text(r), pg === undefined ? allPages(actor, text(r)) : parsePages(pg), true)
    task.policy = null
    return result
  },

  touch(scenario, step) {
    const { r, pg, w } = args(step)
    const actor = scenario.actor(step.on)
    const pages = pg === undefined ? allPages(actor, text(r)) : parsePages(pg)
    return touchAll(scenario, scenario.task(step.on), actor, text(r), pages, Number(w ?? 1) === 1)
  },

  /** No page whose placement the step decides is touched by two threads, so one after the other gives the same. */
  par(scenario, step) {
    const actor = scenario.actor(step.on)
    let touched = 0
    for (const { thread, touches } of parseTouches(text(args(step)['touches']))) {
      const task = actor.threads.get(thread)!
      for (const { region, write, pages } of touches) touched += touchAll(scenario, task, actor, region, pages, write).touched!
    }
    return { touched }
  },

  fill_pref(scenario, step) {
    const { r, node } = args(step)
    return scenario.fillPreferred(scenario.actor(step.on), scenario.task(step.on), text(r), Number(node), step)
  },

  fill(scenario, step) {
    const { r, node, leave, over } = args(step)
    return scenario.fillBound(scenario.actor(step.on), scenario.task(step.on), text(r), Number(node), { leave, over }, step)
  },

  punch(scenario, step) {
    const { r, keep } = args(step)
    const actor = scenario.actor(step.on)
    return { dropped: scenario.punch(actor, text(r), Number(keep)) }
  },

  pin(scenario, step) {
    const actor = scenario.actor(step.on)
    const { start, pages } = span(actor, args(step))
    const registered = args(step)['method'] === 'iouring'
    const pinned = pin(scenario.kernel, scenario.task(step.on), start, pages, registered ? 'dma' : 'pipe')
    actor.pins.push(...pinned)
    return { ret: registered ? 0 : pages }
  },

  unpin(scenario, step) {
    const actor = scenario.actor(step.on)
    unpin(scenario.kernel, actor.pins)
    actor.pins = []
    return { ret: 0 }
  },

  drop_sys_nice(scenario, step) {
    scenario.actor(step.on).process.credentials.sysNice = false
    return { ret: 0 }
  },

  setuid(scenario, step) {
    const { uid, dumpable } = args(step)
    scenario.actor(step.on).process.credentials = { uid: Number(uid), sysNice: false, sysPtrace: false, dumpable: Number(dumpable ?? 1) === 1 }
    return { ret: 0 }
  },

  set_mempolicy(scenario, step) {
    const { mode, nodes, maxnode } = args(step)
    const task = scenario.task(step.on)
    const wanted = parseMode(mode)
    const mask = parseMask(nodes, Number(maxnode ?? 1024))
    if (wanted === undefined || mask === 'EINVAL') return returned(errno.EINVAL)
    const { kernel } = scenario
    const policy = makePolicy(wanted.mode, wanted.flags, mask, task.mems, kernel.memoryNodes, kernel.nodes)
    if (policy === errno.EINVAL) return returned(errno.EINVAL)
    task.policy = policy
    return { ret: 0 }
  },

  mbind(scenario, step) {
    const { mode, nodes, maxnode, flags } = args(step)
    const actor = scenario.actor(step.on)
    const wanted = parseMode(mode)
    const names = text(flags)
      .split(',')
      .filter((name) => name !== '')
    const mask = parseMask(nodes, Number(maxnode ?? 1024))
    if (names.some((name) => !['MOVE', 'MOVE_ALL', 'STRICT'].includes(name))) return returned(errno.EINVAL)
    if (wanted === undefined || mask === 'EINVAL') return returned(errno.EINVAL)
    return returned(
      mbind(scenario.kernel, scenario.task(step.on), actor.process, {
        ...span(actor, args(step)),
        ...wanted,
        nodes: mask,
        move: names.includes('MOVE'),
        moveAll: names.includes('MOVE_ALL'),
        strict: names.includes('STRICT'),
        privileged: actor.process.credentials.sysNice,
      }),
    )
  },

  set_home_node(scenario, step) {
    const actor = scenario.actor(step.on)
    const { start, pages } = span(actor, args(step))
    return returned(setHomeNode(scenario.kernel, actor.process, start, pages, Number(args(step)['node'])))
  },

  get_mempolicy(scenario, step) {
    const { r } = args(step)
    let policy: Mempolicy | null = scenario.task(step.on).policy
    if (r !== undefined) {
      const entry = scenario.entry(scenario.actor(step.on), text(r), 0)
      policy = entry === undefined ? null : ownPolicy(entry.vma, entry.i)
    }
    if (policy === null) return { ret: 0, mode: 0, mode_flags: 0, nodes: [] }
    const anchored = policy.flags.includes('static') || policy.flags.includes('relative')
    return {
      ret: 0,
      mode: MODES.indexOf(policy.mode),
      mode_flags: policy.flags.reduce((sum, flag) => sum + MODE_FLAGS[flag], 0),
      nodes: [...(anchored ? policy.user : policy.nodes)],
    }
  },

  migrate_pages(scenario, step) {
    const { from, to, maxnode } = args(step)
    const caller = scenario.task(step.on)
    const source = parseMask(from, Number(maxnode ?? 1024))
    const destination = parseMask(to, Number(maxnode ?? 1024))
    if (source === 'EINVAL' || destination === 'EINVAL') return returned(errno.EINVAL)
    const process = target(scenario, caller.process, args(step))
    if (process === 'none') return returned(errno.ESRCH)
    const { credentials } = caller.process
    if (process === 'kernel thread') return returned(credentials.sysPtrace ? errno.EINVAL : errno.EPERM)
    if (!mayAccess(caller.process, process)) return returned(errno.EPERM)
    return returned(migratePages(scenario.kernel, caller, process, source, destination, credentials.sysNice))
  },

  move_pages(scenario, step) {
    const { list, flags, query, nostatus } = args(step)
    const caller = scenario.task(step.on)
    const items = parseMoveList(text(list))
    const status = new Int32Array(items.length).fill(NOT_WRITTEN)
    const answer = (code: number): Observed => ({ ...returned(code), count: items.length, status: toRuns(status) })
    const names = text(flags ?? 'MOVE').split(',')
    const all = names.includes('MOVE_ALL')
    if (names.some((name) => !['MOVE', 'MOVE_ALL', '0'].includes(name))) return answer(errno.EINVAL)
    if (all && !caller.process.credentials.sysNice) return answer(errno.EPERM)
    const process = target(scenario, caller.process, args(step))
    if (process === 'none') return answer(errno.ESRCH)
    if (process === 'kernel thread') return answer(caller.process.credentials.sysPtrace ? errno.EINVAL : errno.EPERM)
    if (!mayAccess(caller.process, process)) return answer(errno.EPERM)
    const regions = [...scenario.actors.values()].find((actor) => actor.process === process)!.regions
    const resolve = (i: number): number => {
      const { region, page } = items[i]!
      return scenario.resolve(process, region === undefined ? page : regions.get(region)!.start + page)
    }
    const writable = Number(nostatus ?? 0) === 1 ? null : status
    if (Number(query ?? 0) === 1) {
      if (writable === null) return answer(errno.EFAULT)
      queryPages(scenario.kernel, { count: items.length, resolve }, writable)
      scenario.correctQuery(process, items, regions, status)
      return answer(0)
    }
    const targetMems = process.tasks[0]!.mems
    return answer(movePages(scenario.kernel, { count: items.length, resolve, node: (i) => items[i]!.node, all, caller, targetMems }, writable))
  },

  mkdir(scenario, step) {
    const path = text(args(step)['path'])
    const parent = scenario.cgroups.get(path.slice(0, path.lastIndexOf('/')))!
    scenario.cgroups.set(path, createCpuset(scenario.kernel, path, parent))
    return { ret: 0 }
  },

  rmdir(scenario, step) {
    const path = text(args(step)['path'])
    const code = removeCpuset(scenario.kernel, scenario.cgroups.get(path)!)
    if (code === 0) scenario.cgroups.delete(path)
    return returned(code)
  },

  write(scenario, step) {
    const { path, value } = args(step)
    const content = text(value)
      .replaceAll('$empty', '')
      .replaceAll('~', ' ')
      .replace(/\$(p\d+)/g, (_, name) => String(scenario.actor(name).process.pid))
    return returned(writeFile(scenario, text(path), content))
  },

  read(scenario, step) {
    return { value: readFile(scenario, text(args(step)['path'])) }
  },

  grep(scenario, step) {
    const { path, key } = args(step)
    const process = /^\/proc\/\$(p\d+)\/status$/.exec(text(path))?.[1]
    if (process !== undefined && key === 'Mems_allowed_list') {
      return { value: `Mems_allowed_list: ${formatList(scenario.actor(process).process.tasks[0]!.mems)}` }
    }
    if (path === '/proc/buddyinfo') return { value: '' }
    throw new Error(`grep ${path} ${key}: not modelled`)
  },

  killall(scenario) {
    scenario.killAll()
    return { ret: 0 }
  },

  hstart: (scenario, step) => scenario.series.start(scenario.actor(step.on), text(args(step)['t']), args(step)),
  hstop: (scenario, step) => scenario.series.stop(scenario.actor(step.on), text(args(step)['t'])),
  sample: (scenario, step) => scenario.series.sample(args(step)),
  sleep: () => ({ ret: 0 }),
  settle: () => ({ ret: 0 }),

  vmstat: rememberVmstat,
  vmdelta: vmstatDelta,
  snap: snapshot,

  free(scenario) {
    const nodes = scenario.kernel.memoryNodes
    return { free_pages: Object.fromEntries(nodes.map((node) => [String(node), scenario.kernel.frames.freeOn(node)])) }
  },

  zones(scenario, step) {
    for (const { node } of step.observed.zones ?? []) {
      const free = step.observed.zones!.reduce((sum, zone) => (zone.node === node ? sum + zone.free : sum), 0)
      scenario.kernel.frames.setFree(node, free)
    }
    return { zones: scenario.zones() }
  },
}

/** Files that the controller writes: cpusets, weights, switches of huge pages. 0 or an errno. */
function writeFile(scenario: Scenario, path: string, value: string): number {
  const { kernel } = scenario
  const slash = path.lastIndexOf('/')
  const file = path.slice(slash + 1)
  const group = scenario.cgroups.get(path.slice(0, slash))
  if (group !== undefined) {
    if (file === 'cpuset.mems') {
      const mems = parseCpusetList(value)
      return mems === undefined ? errno.EINVAL : writeMems(kernel, group, nodeMask(mems))
    }
    if (file === 'cpuset.memory_migrate') {
      group.memoryMigrate = Number(value) !== 0
      return 0
    }
    if (file === 'cpuset.cpus') {
      scenario.withCpus.add(group.path)
      return 0
    }
    if (file === 'cgroup.subtree_control') {
      if (group.parent !== null && group.tasks.length > 0) return errno.EBUSY
      scenario.controlled.add(group.path)
      return 0
    }
    if (file === 'memory.reclaim') return scenario.series.reclaimGroup(group, value)
    if (file === 'cgroup.procs' || file === 'tasks') return attachProcess(scenario, group.path, Number(value))
  }
  const node = /^\/sys\/kernel\/mm\/mempolicy\/weighted_interleave\/node(\d+)$/.exec(path)?.[1]
  if (node !== undefined) {
    kernel.weights[Number(node)] = weight(value)
    return 0
  }
  switch (path) {
    case '/sys/kernel/mm/transparent_hugepage/use_zero_page':
      kernel.thp.useZeroPage = Number(value) !== 0
      return 0
    case '/sys/kernel/mm/transparent_hugepage/enabled':
      kernel.thp.enabled = value as 'always' | 'madvise' | 'never'
      return 0
    case '/sys/kernel/mm/transparent_hugepage/shmem_enabled':
      kernel.thp.shmem = value === 'always'
      return 0
    // they change when memory is compacted or dropped, which moves no page of a scenario
    case '/sys/kernel/mm/transparent_hugepage/defrag':
    case '/proc/sys/vm/compact_unevictable_allowed':
    case '/proc/sys/vm/drop_caches':
      return 0
  }
  if (/\/numa_balancing|\/demotion_enabled$/.test(path)) {
    scenario.series.tune(path, value)
    return 0
  }
  throw new Error(`write ${path}: not modelled`)
}

function attachProcess(scenario: Scenario, path: string, pid: number): number {
  const { kernel } = scenario
  const to = path === '/' ? kernel.rootCpuset : kernel.cpusets.get(path)!
  const process = kernel.processes.find((candidate) => candidate.pid === pid)
  if (process === undefined) return errno.ESRCH
  // cpuset_can_attach(): v1 refuses a cpuset without cpus or nodes; v2 keeps processes out of inner groups
  if (kernel.cpusetV1 && to.parent !== null && (to.effective.length === 0 || !scenario.withCpus.has(path))) return errno.ENOSPC
  if (!kernel.cpusetV1 && to.parent !== null && scenario.controlled.has(path)) return errno.EBUSY
  const from = process.tasks[0]!.cpuset!
  if (from !== to) attach(kernel, [...process.tasks], from, to)
  return 0
}

function readFile(scenario: Scenario, path: string): string {
  const slash = path.lastIndexOf('/')
  const group = scenario.cgroups.get(path.slice(0, slash))
  const file = path.slice(slash + 1)
  if (group !== undefined && file === 'cpuset.mems') return formatList(group.mems)
  if (group !== undefined && (file === 'cpuset.mems.effective' || file === 'cpuset.effective_mems')) return formatList(group.effective)
  const name = /^\/proc\/\$(p\d+)\/cpuset$/.exec(path)?.[1]
  if (name !== undefined) {
    const group = scenario.actor(name).process.tasks[0]!.cpuset!.path
    return group === '/' ? '/' : group.slice('/cg'.length)
  }
  throw new Error(`read ${path}: not modelled`)
}
