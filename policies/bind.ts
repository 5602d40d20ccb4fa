import { definePolicy, memoryNodes, startWith, text } from '../src/policy/index.ts'

export default definePolicy({
  about: 'numactl --membind: pages may lie on these nodes only; when they are full the program ends',
  paper: 'set_mempolicy(2) MPOL_BIND; mm/mempolicy.c:policy_nodemask',
  params: {
    nodes: text('0', 'nodes such as 0-1,3'),
  },
  rules: (world, { nodes }) => startWith(world, { mode: 'bind', nodes: memoryNodes(world.machine, nodes) }),
})
