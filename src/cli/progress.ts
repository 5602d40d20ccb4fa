/** A progress bar on stderr: only on a terminal, never in a pipe or in CI. */
import { SingleBar } from 'cli-progress'

export interface Progress {
  /** Share done, 0 to 1. */
  update(share: number): void
  stop(): void
}

export function progressBar(label: string, wanted: boolean): Progress {
  if (!wanted || !process.stderr.isTTY || process.env['CI']) return { update: () => {}, stop: () => {} }
  const bar = new SingleBar({ format: `${label} {bar} {percentage}% {eta_formatted} left`, hideCursor: true, clearOnComplete: true, stream: process.stderr })
  bar.start(1000, 0)
  return { update: (share) => bar.update(Math.round(share * 1000)), stop: () => bar.stop() }
}
