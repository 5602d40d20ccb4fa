/** Error numbers as system calls return them: negative (include/uapi/asm-generic/errno-base.h). */
export const EPERM = -1
export const ENOENT = -2
export const ESRCH = -3
export const EIO = -5
export const EAGAIN = -11
export const ENOMEM = -12
export const EACCES = -13
export const EFAULT = -14
export const EBUSY = -16
export const EEXIST = -17
export const ENODEV = -19
export const ENOTDIR = -20
export const EINVAL = -22
export const ENOSPC = -28
export const EROFS = -30
export const EOPNOTSUPP = -95
export const EHWPOISON = -133

const NAMES: Record<number, string> = {
  [EPERM]: 'EPERM',
  [ENOENT]: 'ENOENT',
  [ESRCH]: 'ESRCH',
  [EIO]: 'EIO',
  [EAGAIN]: 'EAGAIN',
  [ENOMEM]: 'ENOMEM',
  [EACCES]: 'EACCES',
  [EFAULT]: 'EFAULT',
  [EBUSY]: 'EBUSY',
  [EEXIST]: 'EEXIST',
  [ENODEV]: 'ENODEV',
  [ENOTDIR]: 'ENOTDIR',
  [EINVAL]: 'EINVAL',
  [ENOSPC]: 'ENOSPC',
  [EROFS]: 'EROFS',
  [EOPNOTSUPP]: 'EOPNOTSUPP',
  [EHWPOISON]: 'EHWPOISON',
}

/** -16 -> `'EBUSY'`. */
export function errnoName(errno: number): string {
  return NAMES[errno] ?? `E${-errno}`
}
