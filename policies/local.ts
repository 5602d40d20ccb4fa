import { definePolicy, startWith } from '../src/policy/index.ts'

export default definePolicy({
  about: 'numactl --localalloc: first touch, explicitly, so that NUMA balancing leaves the pages alone',
  paper: 'set_mempolicy(2) MPOL_LOCAL; mm/mempolicy.c:vma_policy_mof',
  rules: (world) => startWith(world, { mode: 'local', nodes: [] }),
})
