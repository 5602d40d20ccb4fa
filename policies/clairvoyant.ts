import { definePolicy, duration, every, upcoming } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Greedy with knowledge of the future: before each period pages move to the node that will use them most',
  paper: 'upper reference, not implementable; the exact optimum is the bound that every report shows',
  params: {
    period: duration('1s', 'how often it looks ahead'),
    horizon: duration('1s', 'how far it sees'),
    gain: duration('1.3us', 'least latency saved within the horizon for a page to be moved'),
  },
  rules({ machine, kernel }, { period, horizon, gain }) {
    const memory = machine.nodes.filter(({ bytes }) => bytes > 0).map(({ index }) => index)
    return [
      every(period, upcoming(horizon), (future) => {
        const costOn = (page: number, node: number) => machine.nodes.reduce((ns, { index }) => ns + future.from(page, index) * machine.latency(index, node), 0)
        const best = (page: number) => memory.reduce((least, node) => (costOn(page, node) < costOn(page, least) ? node : least))
        const misplaced = future.pages.filter(
          (page) => memory.includes(kernel.nodeOf(page)) && costOn(page, kernel.nodeOf(page)) - costOn(page, best(page)) > gain,
        )
        kernel.movePages(misplaced, misplaced.map(best))
      }),
    ]
  },
})
