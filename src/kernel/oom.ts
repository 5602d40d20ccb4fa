/** The out-of-memory killer (mm/oom_kill.c): the process with most resident memory dies, and the access is tried again. */
import type { Process, Task } from './address-space.ts'
import { type AccessResult, access } from './fault.ts'
import type { Kernel } from './kernel.ts'
import { exit } from './mm.ts'

/** As access(), but running out of memory kills somebody; `oom` = the accessing process itself was chosen. */
export function accessOrKill(kernel: Kernel, task: Task, vpage: number, isWrite: boolean): AccessResult {
  for (;;) {
    const result = access(kernel, task, vpage, isWrite)
    if (result !== 'oom') return result
    const victim = worst(kernel)
    if (victim === undefined) return 'oom'
    const self = victim === task.process
    exit(kernel, victim)
    if (self) return 'oom'
  }
}

/** oom_badness(): resident pages; init is spared, the older of two equals dies. */
function worst(kernel: Kernel): Process | undefined {
  let victim: Process | undefined
  let most = 0
  for (const process of kernel.processes) {
    if (process.pid === 1 || process.tasks.length === 0) continue
    let resident = 0
    for (const vma of process.vmas) for (const page of vma.ptes) if (page >= 0) resident++
    if (resident <= most) continue
    most = resident
    victim = process
  }
  return victim
}
