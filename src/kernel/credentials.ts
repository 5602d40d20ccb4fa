/** Who may look at another process's memory: kernel/ptrace.c:ptrace_may_access() with PTRACE_MODE_READ_REALCREDS. */
import type { Process } from './address-space.ts'

export function mayAccess(caller: Process, target: Process): boolean {
  if (caller === target) return true
  const mine = caller.credentials
  const theirs = target.credentials
  if (mine.sysPtrace) return true
  if (mine.uid !== theirs.uid || !theirs.dumpable) return false
  // cap_ptrace_access_check(): the target must not have capabilities that the caller lacks
  return !theirs.sysPtrace && (mine.sysNice || !theirs.sysNice)
}
