import { definePolicy, memoryNodes, startWith, text } from '../src/policy/index.ts'

export default definePolicy({
  about: 'numactl --interleave: pages are spread over the nodes in turn, by virtual page number',
  paper: 'set_mempolicy(2) MPOL_INTERLEAVE; mm/mempolicy.c:interleave_nid',
  params: {
    nodes: text('', 'nodes such as 0-1,3; empty = all with memory'),
  },
  rules: (world, { nodes }) => startWith(world, { mode: 'interleave', nodes: memoryNodes(world.machine, nodes) }),
})
