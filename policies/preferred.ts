import { definePolicy, memoryNodes, startWith, text } from '../src/policy/index.ts'

export default definePolicy({
  about: 'numactl --preferred: pages lie on this node while it has room, then on the nearest to it',
  paper: 'set_mempolicy(2) MPOL_PREFERRED, MPOL_PREFERRED_MANY (several nodes)',
  params: {
    nodes: text('0', 'a node, or several: then the nearest of them to the toucher'),
  },
  rules(world, { nodes }) {
    const chosen = memoryNodes(world.machine, nodes)
    return startWith(world, { mode: chosen.length > 1 ? 'preferred_many' : 'preferred', nodes: chosen })
  },
})
