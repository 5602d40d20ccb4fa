/** A static placement for each seed: lanes that differ in nothing else. */
import { count, definePolicy, onAllocation } from 'numareplay/policy'

export default definePolicy({
  about: 'Every page on a node drawn from its number',
  params: { seed: count(1, 'which drawing') },
  rules({ machine }, { seed }) {
    const nodes = machine.nodes.length
    return [onAllocation(({ page }) => (Math.imul(page + seed, 2_246_822_519) >>> 16) % nodes)]
  },
})
