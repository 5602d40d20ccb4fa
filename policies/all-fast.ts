import { definePolicy, memoryNodes, nearest, onAllocation } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Reference: every page on the nearest fast node, as if the fast tier were large enough (set --memory to make it so)',
  paper: 'the all-DRAM line of tiering studies',
  rules({ machine }) {
    const fast = memoryNodes(machine).filter((node) => machine.isFast(node))
    return [onAllocation(({ node }) => nearest(machine, node, fast))]
  },
})
