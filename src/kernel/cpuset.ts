/** Cpusets: which nodes a group of tasks may use, and how pages follow a change (kernel/cgroup/cpuset.c). */
import type { Process, Task } from './address-space.ts'
import { EACCES, EBUSY, EINVAL, ENOSPC } from './errno.ts'
import type { Kernel } from './kernel.ts'
import { rebindPolicy } from './mempolicy.ts'
import { doMigratePages } from './migrate-pages.ts'
import { intersect, isSubset, type NodeMask, sameMask, toTable } from './node-mask.ts'

export interface Cpuset {
  path: string
  parent: Cpuset | null
  children: Cpuset[]
  /** What was written to cpuset.mems; empty on v2 = the parent's. */
  mems: NodeMask
  /** cpuset.mems.effective. */
  effective: NodeMask
  /** Nodes that its pages are taken to be on: the `from` of the next migration (cs->old_mems_allowed). */
  oldMems: NodeMask
  /** cpuset.memory_migrate: pages follow the nodes. Always on in v2. */
  memoryMigrate: boolean
  tasks: Task[]
}

/** Only the root is made without createCpuset(). */
export function newCpuset(path: string, parent: Cpuset | null, memoryMigrate: boolean, mems: NodeMask, effective: NodeMask): Cpuset {
  const cpuset: Cpuset = { path, parent, children: [], mems, effective, oldMems: [], memoryMigrate, tasks: [] }
  parent?.children.push(cpuset)
  return cpuset
}

/** cpuset_change_task_nodemask(): what the task may allocate from now on, its policy rebound. */
export function setTaskMems(kernel: Kernel, task: Task, mems: NodeMask): void {
  task.mems = mems
  task.memsTable = sameMask(mems, kernel.memoryNodes) ? null : toTable(mems, kernel.nodes)
  if (task.policy !== null) task.policy = rebindPolicy(task.policy, mems, kernel.nodes)
}

/** mpol_rebind_mm(): every policy of the address space. */
function rebindVmas(kernel: Kernel, process: Process, mems: NodeMask): void {
  for (const vma of process.vmas) if (vma.policy !== null) vma.policy = rebindPolicy(vma.policy, mems, kernel.nodes)
}

/**
 * cpuset_update_tasks_nodemask(): the tasks of one cpuset get `mems`, and if it migrates, their pages follow. One job per
 * thread: with overlapping masks a second thread of the same process shifts its pages a second time.
 */
export function updateTasks(kernel: Kernel, cpuset: Cpuset, mems: NodeMask): void {
  const jobs: Process[] = []
  for (const task of cpuset.tasks) {
    setTaskMems(kernel, task, mems)
    rebindVmas(kernel, task.process, mems)
    if (cpuset.memoryMigrate) jobs.push(task.process)
  }
  for (const process of jobs) migrateMm(kernel, process, cpuset.oldMems, mems)
  cpuset.oldMems = mems
}

/**
 * cpuset_attach(): tasks move from one cpuset to another. Pages are migrated once per process, when its leader moves. In v2
 * nothing is done when the effective nodes are the same (effective cpus never differ here: they are not modelled).
 */
export function attach(kernel: Kernel, tasks: readonly Task[], from: Cpuset, to: Cpuset): void {
  for (const task of tasks) {
    task.cpuset = to
    from.tasks.splice(from.tasks.indexOf(task), 1)
    to.tasks.push(task)
  }
  if (kernel.cpusetV1 || !sameMask(from.effective, to.effective)) {
    for (const task of tasks) setTaskMems(kernel, task, to.effective)
    for (const task of tasks) {
      if (task.process.tasks[0] !== task) continue
      rebindVmas(kernel, task.process, to.effective)
      if (to.memoryMigrate) migrateMm(kernel, task.process, from.oldMems, to.effective)
    }
  }
  to.oldMems = to.effective
}

/** A child starts without nodes of its own: in v2 it uses its parent's and migrates, in v1 it must be given some. */
export function createCpuset(kernel: Kernel, path: string, parent: Cpuset): Cpuset {
  const cpuset = newCpuset(path, parent, !kernel.cpusetV1, [], kernel.cpusetV1 ? [] : parent.effective)
  kernel.cpusets.set(path, cpuset)
  return cpuset
}

export function removeCpuset(kernel: Kernel, cpuset: Cpuset): number {
  if (cpuset.tasks.length > 0 || cpuset.children.length > 0) return EBUSY
  cpuset.parent!.children.splice(cpuset.parent!.children.indexOf(cpuset), 1)
  kernel.cpusets.delete(cpuset.path)
  return 0
}

/** A write to cpuset.mems: checks, then the cpuset and every descendant whose effective nodes change (update_nodemask). */
export function writeMems(kernel: Kernel, cpuset: Cpuset, mems: NodeMask): number {
  if (cpuset.parent === null) return EACCES
  if (!isSubset(mems, kernel.memoryNodes)) return EINVAL
  if (sameMask(mems, cpuset.mems)) return 0
  const populated = hasTasks(cpuset)
  if (kernel.cpusetV1) {
    // validate_change(): a child must lie inside its parent
    if (cpuset.children.some((child) => !isSubset(child.mems, mems))) return EBUSY
    if (!isSubset(mems, cpuset.parent.mems)) return EACCES
  }
  if (mems.length === 0 && cpuset.mems.length > 0 && populated) return ENOSPC
  cpuset.mems = mems
  updateHierarchy(kernel, cpuset)
  return 0
}

function hasTasks(cpuset: Cpuset): boolean {
  return cpuset.tasks.length > 0 || cpuset.children.some(hasTasks)
}

/** update_nodemasks_hier(). */
function updateHierarchy(kernel: Kernel, cpuset: Cpuset): void {
  const parent = cpuset.parent!
  let effective = intersect(cpuset.mems, parent.effective)
  if (!kernel.cpusetV1 && effective.length === 0) effective = parent.effective
  if (sameMask(effective, cpuset.effective)) return
  cpuset.effective = effective
  updateTasks(kernel, cpuset, effective)
  for (const child of cpuset.children) updateHierarchy(kernel, child)
}

/** cpuset_migrate_mm(): nothing to do when the masks are equal. The worker is not limited by any cpuset. */
function migrateMm(kernel: Kernel, process: Process, from: NodeMask, to: NodeMask): void {
  if (!sameMask(from, to)) doMigratePages(kernel, null, process, from, to, true)
}
