/** Looks and does nothing: what an observation costs. */
import { accessedBits, accesses, choice, damonRegions, definePolicy, duration, every, sampledAccesses, upcoming } from 'numareplay/policy'

export default definePolicy({
  about: 'Looks at the accesses of each period',
  params: {
    period: duration('1s', 'how often it looks'),
    kind: choice(['accesses', 'samples', 'bits', 'damon', 'upcoming'], 'what it looks at'),
  },
  rules(_, { period, kind }) {
    const look = () => {}
    if (kind === 'accesses') return [every(period, accesses(), look)]
    if (kind === 'samples') return [every(period, sampledAccesses({ rate: 1 / 100 }), look)]
    if (kind === 'bits') return [every(period, accessedBits(), look)]
    if (kind === 'upcoming') return [every(period, upcoming(period), look)]
    return [every(period, damonRegions({ sample: 5e6, aggregation: 100e6, min: 10, max: 1000 }), look)]
  },
})
