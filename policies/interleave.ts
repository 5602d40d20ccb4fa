import { definePolicy, onAllocation } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Pages are spread over all memory nodes in turn, by virtual page number',
  paper: 'set_mempolicy(2) MPOL_INTERLEAVE; mm/mempolicy.c:interleave_nid',
  rules({ machine }) {
    const nodes = machine.nodes.filter(({ bytes }) => bytes > 0).map(({ index }) => index)
    return [onAllocation(({ vpage }) => nodes[vpage % nodes.length])]
  },
})
