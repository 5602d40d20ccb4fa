/** Progress of a sweep on stderr: a bar on a terminal, a line now and then in a pipe, or one JSON object a line for programs. */
import { SingleBar } from 'cli-progress'
import type { SweepEvent } from '../sweep/index.ts'
import { formatDuration } from '../units.ts'

export type ProgressKind = 'auto' | 'json' | 'none'

export interface SweepProgress {
  trace(trace: { name: string; index: number; count: number }): void
  event(event: SweepEvent): void
  stop(): void
}

const LINE_EVERY_MS = 5000
const JSON_EVERY_MS = 1000

export function sweepProgress(kind: ProgressKind, now: () => number = () => performance.now()): SweepProgress {
  if (kind === 'none') return { trace: () => {}, event: () => {}, stop: () => {} }
  if (kind === 'json') return jsonProgress(now)
  return process.stderr.isTTY && !process.env['CI'] ? barProgress(now) : lineProgress(now)
}

/** Points a second since the start, and seconds left at that rate. */
class Rate {
  readonly #now: () => number
  #start = 0
  #doneAtStart = 0

  constructor(now: () => number) {
    this.#now = now
  }

  begin(done: number): void {
    this.#start = this.#now()
    this.#doneAtStart = done
  }

  at(settled: number, points: number): { pointsPerSecond: number; secondsLeft: number | null } {
    const seconds = (this.#now() - this.#start) / 1000
    const pointsPerSecond = seconds > 0 ? (settled - this.#doneAtStart) / seconds : 0
    return {
      pointsPerSecond: Number(pointsPerSecond.toPrecision(3)),
      secondsLeft: pointsPerSecond > 0 ? Math.ceil((points - settled) / pointsPerSecond) : null,
    }
  }
}

function inWords({ pointsPerSecond, secondsLeft }: ReturnType<Rate['at']>): string {
  return `${pointsPerSecond} points/s, ${secondsLeft === null ? '?' : formatDuration(secondsLeft * 1e9)} left`
}

function barProgress(now: () => number): SweepProgress {
  const bar = new SingleBar({ format: '{label} {bar} {value}/{total} {note}', hideCursor: true, clearOnComplete: true, stream: process.stderr })
  const rate = new Rate(now)
  return {
    trace: ({ name, index, count }) => process.stderr.write(`\rreading trace ${index + 1} of ${count}: ${name}\x1b[K${index + 1 === count ? '\n' : ''}`),
    event(event) {
      if (event.event === 'start') {
        rate.begin(event.done)
        bar.start(event.points, event.done, { label: event.plan, note: '' })
      } else if (event.event === 'point') {
        const settled = event.done + event.failed
        const failed = event.failed > 0 ? `, ${event.failed} failed` : ''
        bar.update(settled, { note: `${inWords(rate.at(settled, event.points))}${failed}` })
      }
    },
    stop: () => bar.stop(),
  }
}

function lineProgress(now: () => number): SweepProgress {
  const rate = new Rate(now)
  let next = now() + LINE_EVERY_MS
  const line = (text: string): void => void process.stderr.write(`${text}\n`)
  return {
    trace: ({ name, index, count }) => line(`reading trace ${index + 1} of ${count}: ${name}`),
    event(event) {
      if (event.event === 'start') {
        rate.begin(event.done)
        line(`${event.plan}: ${event.points} points, ${event.done} there already`)
      } else if (event.event === 'damaged') line(`point ${event.key.slice(0, 12)} was damaged: computed again`)
      else {
        if (event.status === 'failed') line(`failed: ${event.message}`)
        if (now() < next) return
        next = now() + LINE_EVERY_MS
        line(`${event.done + event.failed} of ${event.points} points, ${inWords(rate.at(event.done + event.failed, event.points))}`)
      }
    },
    stop: () => {},
  }
}

function jsonProgress(now: () => number): SweepProgress {
  const rate = new Rate(now)
  let next = now() + JSON_EVERY_MS
  const put = (object: object): void => void process.stderr.write(`${JSON.stringify(object)}\n`)
  return {
    trace: (trace) => put({ event: 'trace', ...trace }),
    event(event) {
      if (event.event === 'start') rate.begin(event.done)
      put(event)
      if (event.event !== 'point' || now() < next) return
      next = now() + JSON_EVERY_MS
      const { done, failed, points } = event
      put({ event: 'progress', done, failed, points, ...rate.at(done + failed, points) })
    },
    stop: () => put({ event: 'end' }),
  }
}
