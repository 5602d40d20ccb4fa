/** A progress bar on stderr: only on a terminal, never in a pipe or in CI. */
import { SingleBar } from 'cli-progress'
import { formatCount, formatDuration } from '../units.ts'

export interface Progress {
  /** Share done, 0 to 1, and how many accesses that were, where it is known. */
  update(share: number, accesses?: number): void
  stop(): void
}

export function progressBar(label: string, wanted: boolean, now: () => number = () => performance.now()): Progress {
  if (!wanted || !process.stderr.isTTY || process.env['CI']) return { update: () => {}, stop: () => {} }
  const bar = new SingleBar({ format: `${label} {bar} {percentage}% {pace}`, hideCursor: true, clearOnComplete: true, stream: process.stderr })
  const pace = paceSince(now(), now)
  bar.start(1000, 0, { pace: '' })
  return { update: (share, accesses) => bar.update(Math.round(share * 1000), { pace: pace(share, accesses) }), stop: () => bar.stop() }
}

/** Accesses a second and time left, in words, at the pace since the start. */
export function paceSince(start: number, now: () => number): (share: number, accesses?: number) => string {
  return (share, accesses) => {
    const seconds = (now() - start) / 1000
    if (seconds < 1 || share <= 0) return ''
    const left = `${formatDuration(Math.ceil((seconds * (1 - share)) / share) * 1e9)} left`
    return accesses === undefined ? left : `${formatCount(Math.round(accesses / seconds))} accesses/s, ${left}`
  }
}
