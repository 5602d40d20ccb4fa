/** Progress of a sweep on stderr: a bar on a terminal, a line now and then in a pipe, or one JSON object a line for programs. */
import { SingleBar } from 'cli-progress'
import type { SweepEvent, TraceProgress } from '../sweep/index.ts'
import { formatDuration } from '../units.ts'

export type ProgressKind = 'auto' | 'json' | 'none'

export interface SweepProgress {
  trace(trace: TraceProgress): void
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

/** How far a sweep is: points a second since the start, and seconds left at that rate. Points of passes under way count in part. */
class Tally {
  readonly #now: () => number
  #start = 0
  #doneAtStart = 0
  #underWay = 0
  points = 0
  done = 0
  failed = 0

  constructor(now: () => number) {
    this.#now = now
  }

  take(event: SweepEvent): void {
    if (event.event === 'start') {
      this.#start = this.#now()
      this.#doneAtStart = event.done
      this.points = event.points
      this.done = event.done
    } else if (event.event === 'point') {
      this.done = event.done
      this.failed = event.failed
    } else if (event.event === 'under way') this.#underWay = event.points
  }

  /** Points, with a fraction for those under way. */
  get reached(): number {
    return Math.min(this.points, this.done + this.failed + this.#underWay)
  }

  get rate(): { pointsPerSecond: number; secondsLeft: number | null } {
    const seconds = (this.#now() - this.#start) / 1000
    const pointsPerSecond = seconds > 0 ? (this.reached - this.#doneAtStart) / seconds : 0
    return {
      pointsPerSecond: Number(pointsPerSecond.toPrecision(3)),
      secondsLeft: pointsPerSecond > 0 ? Math.ceil((this.points - this.reached) / pointsPerSecond) : null,
    }
  }

  get words(): string {
    const { pointsPerSecond, secondsLeft } = this.rate
    return `${pointsPerSecond} points/s, ${secondsLeft === null ? '?' : formatDuration(secondsLeft * 1e9)} left`
  }
}

function barProgress(now: () => number): SweepProgress {
  const bar = new SingleBar({ format: '{label} {bar} {settled}/{total} {note}', hideCursor: true, clearOnComplete: true, stream: process.stderr })
  const tally = new Tally(now)
  return {
    trace: ({ name, index, count, share }) => process.stderr.write(`\rreading trace ${index + 1} of ${count}: ${name} ${Math.floor(share * 100)}%\x1b[K`),
    event(event) {
      tally.take(event)
      const { points, done, failed, reached, words } = tally
      if (event.event === 'start') process.stderr.write('\r\x1b[K')
      if (event.event === 'start') bar.start(points, done, { label: event.plan, settled: done, note: '' })
      else if (event.event !== 'damaged') bar.update(reached, { settled: done + failed, note: failed > 0 ? `${words}, ${failed} failed` : words })
    },
    stop: () => bar.stop(),
  }
}

function lineProgress(now: () => number): SweepProgress {
  const tally = new Tally(now)
  let next = now() + LINE_EVERY_MS
  const line = (text: string): void => void process.stderr.write(`${text}\n`)
  return {
    trace: ({ name, index, count, share }) => share === 0 && line(`reading trace ${index + 1} of ${count}: ${name}`),
    event(event) {
      tally.take(event)
      if (event.event === 'start') line(`${event.plan}: ${event.points} points, ${event.done} there already`)
      else if (event.event === 'damaged') line(`point ${event.key.slice(0, 12)} was damaged: computed again`)
      else if (event.event === 'point' && event.status === 'failed') line(`failed: ${event.message}`)
      if (event.event === 'damaged' || now() < next) return
      next = now() + LINE_EVERY_MS
      line(`${tally.done + tally.failed} of ${tally.points} points, ${tally.words}`)
    },
    stop: () => {},
  }
}

function jsonProgress(now: () => number): SweepProgress {
  const tally = new Tally(now)
  let next = now() + JSON_EVERY_MS
  const put = (object: object): void => void process.stderr.write(`${JSON.stringify(object)}\n`)
  return {
    trace: ({ name, index, count, share }) => share === 0 && put({ event: 'trace', name, index, count }),
    event(event) {
      tally.take(event)
      if (event.event !== 'under way') put(event)
      if (event.event === 'damaged' || now() < next) return
      next = now() + JSON_EVERY_MS
      const { done, failed, points, reached, rate } = tally
      put({ event: 'progress', done, failed, points, reached: Number(reached.toFixed(2)), ...rate })
    },
    stop: () => put({ event: 'end' }),
  }
}
