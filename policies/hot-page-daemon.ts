import { definePolicy, duration, every, fraction, sampledAccesses } from '../src/policy/index.ts'

export default definePolicy({
  about: 'A user-space profiler moves each sampled page to the node that uses it most',
  paper: 'Documentation/mm/page_migration.rst: a process or profiler that detects off-node accesses calls move_pages(2)',
  params: {
    period: duration('1s', 'how often the daemon wakes up'),
    rate: fraction(1 / 100, 'share of accesses the hardware samples'),
    gain: fraction(0.2, 'how much busier than home another node must be'),
  },
  rules({ kernel }, { period, rate, gain }) {
    return [
      every(period, sampledAccesses({ rate }), (seen) => {
        const misplaced = seen.pages.filter((page) => seen.from(page, seen.mainNode(page)) > (1 + gain) * seen.from(page, kernel.nodeOf(page)))
        kernel.movePages(
          misplaced,
          misplaced.map((page) => seen.mainNode(page)),
        )
      }),
    ]
  },
})
