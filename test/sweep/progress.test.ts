import { afterEach, expect, test, vi } from 'vitest'
import { sweepProgress } from '../../src/cli/sweep-progress.ts'

const point = (done: number) => ({ event: 'point', key: 'k', status: 'done', done, failed: 0, points: 10 }) as const

afterEach(() => vi.restoreAllMocks())

/** What a sweep of ten points says that has four already and does two in eight seconds, half of another one being done. */
function said(kind: 'auto' | 'json'): string[] {
  const lines: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(String(text)) > 0)
  let seconds = 0
  const { event, stop } = sweepProgress(kind, () => seconds * 1000)
  event({ event: 'start', plan: 'p', points: 10, done: 4, missing: 6 })
  seconds = 4
  event(point(5))
  event(point(6))
  seconds = 8
  event({ event: 'under way', points: 0.5 })
  stop()
  return lines
}

test('points under way count for the rate and the time left', () => {
  expect(said('auto').at(-1)).toBe('6 of 10 points, 0.313 points/s, 12s left\n')
})

test('in JSON: every point as it is done, and the rate', () => {
  const events = said('json').map((line) => JSON.parse(line) as { event: string })
  expect(events.map(({ event }) => event)).toEqual(['start', 'point', 'progress', 'point', 'progress', 'end'])
  expect(events.at(-2)).toEqual({ event: 'progress', done: 6, failed: 0, points: 10, reached: 6.5, pointsPerSecond: 0.313, secondsLeft: 12 })
})
