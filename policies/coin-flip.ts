import { count, definePolicy, duration, every, knowledge, memoryNodes, migrationWorth, type NodeIndex, type PageId, seesAll } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Online page migration by coin: each remote request moves the page to its sender with probability 1 / 2D',
  paper: 'Westbrook, SIAM J. Computing 23(5), 1994: 3-competitive against an oblivious adversary (ratio recalled)',
  params: {
    period: duration('100ms', 'how often requests are handed to it'),
    samplePeriod: count(100, 'one access in so many is sampled, when it sees samples'),
    sees: seesAll(),
  },
  rules(world, { period, samplePeriod, sees }) {
    const { machine, kernel, random } = world
    const memory = memoryNodes(machine)
    const { observation, accesses } = knowledge(sees, { samplePeriod, period })
    const logStays = Math.log1p(-1 / Math.max(2, 2 * migrationWorth(machine)))
    return [
      every(period, observation, (seen) => {
        const moving: PageId[] = []
        const targets: NodeIndex[] = []
        for (const page of seen.pages) {
          let target = kernel.nodeOf(page)
          // the order of requests within a period is not known: nodes take turns by number
          for (const user of memory) {
            const requests = seen.from(page, user) * accesses
            if (user !== target && requests > 0 && random() < -Math.expm1(requests * logStays)) target = user
          }
          if (target === kernel.nodeOf(page)) continue
          moving.push(page)
          targets.push(target)
        }
        kernel.movePages(moving, targets)
      }),
    ]
  },
})
