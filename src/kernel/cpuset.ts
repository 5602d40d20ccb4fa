/** Cpusets: which nodes a group of tasks may use, and how pages follow a change (kernel/cgroup/cpuset.c). */
import type { Process, Task } from './address-space.ts'
import type { Kernel } from './kernel.ts'
import { rebindPolicy } from './mempolicy.ts'
import { doMigratePages } from './migrate-pages.ts'
import { type NodeMask, sameMask, toTable } from './node-mask.ts'

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
 * cpuset_attach(): tasks move from one cpuset to another. Pages are migrated once per process, and only when its leader moves.
 */
export function attach(kernel: Kernel, tasks: readonly Task[], from: Cpuset, to: Cpuset): void {
  for (const task of tasks) {
    task.cpuset = to
    from.tasks.splice(from.tasks.indexOf(task), 1)
    to.tasks.push(task)
    setTaskMems(kernel, task, to.effective)
  }
  for (const task of tasks) {
    if (task.process.tasks[0] !== task) continue
    rebindVmas(kernel, task.process, to.effective)
    if (to.memoryMigrate) migrateMm(kernel, task.process, from.oldMems, to.effective)
  }
  to.oldMems = to.effective
}

/** cpuset_migrate_mm(): nothing to do when the masks are equal. The worker is not limited by any cpuset. */
function migrateMm(kernel: Kernel, process: Process, from: NodeMask, to: NodeMask): void {
  if (!sameMask(from, to)) doMigratePages(kernel, null, process, from, to, true)
}
