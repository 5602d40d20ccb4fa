import { accesses, count, definePolicy, duration, every, memoryNodes, nearest, onAllocation, tiering } from '../src/policy/index.ts'

const NONE = -1

export default definePolicy({
  about: 'Reference: fast nodes as an LRU cache of pages. Pages start slow, a touched page goes up at once, the least recently used goes down',
  paper: 'Mattson et al., "Evaluation techniques for storage hierarchies", 1970; hits are those of an LRU cache of the same size',
  params: {
    period: duration('10ms', 'how often touched pages are promoted'),
    pages: count(0, 'pages of the fast nodes that are used; 0 = all that fit'),
  },
  rules(world, { period, pages: limit }) {
    const { machine, pages } = world
    const tiers = tiering(world)
    const capacity = limit === 0 ? tiers.capacity : Math.min(limit, tiers.capacity)
    // a ring of the fast pages from the least to the most recently used; its anchor is one entry beyond the last page
    const next = new Int32Array(pages + 1).fill(NONE)
    const previous = new Int32Array(pages + 1).fill(NONE)
    next[pages] = pages
    previous[pages] = pages
    let held = 0
    const remove = (page: number): void => {
      next[previous[page]!] = next[page]!
      previous[next[page]!] = previous[page]!
      next[page] = NONE
      held -= world.standsFor(page)
    }
    const append = (page: number): void => {
      previous[page] = previous[pages]!
      next[previous[page]!] = page
      next[page] = pages
      previous[pages] = page
      held += world.standsFor(page)
    }
    const slow = memoryNodes(machine).filter((node) => !machine.isFast(node))
    return [
      onAllocation(({ node }) => nearest(machine, node, slow)),
      every(period, accesses(), (seen) => {
        for (const page of seen.pages) {
          if (next[page] !== NONE) remove(page)
          append(page)
        }
        const victims: number[] = []
        while (held > capacity) {
          victims.push(next[pages]!)
          remove(next[pages]!)
        }
        tiers.demote(victims.filter(tiers.isFast))
        tiers.promote(seen.pages.filter((page) => next[page] !== NONE))
      }),
    ]
  },
})
