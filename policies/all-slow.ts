import { definePolicy, farthest, memoryNodes, onAllocation } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Reference: every page on the slowest tier; with one tier only, on the node farthest from its first toucher',
  paper: 'the all-CXL line of tiering studies',
  rules({ machine }) {
    const memory = memoryNodes(machine)
    const lowest = Math.max(...memory.map((node) => machine.nodes[node]!.tier))
    const slow = memory.filter((node) => machine.nodes[node]!.tier === lowest)
    return [onAllocation(({ node }) => farthest(machine, node, slow))]
  },
})
