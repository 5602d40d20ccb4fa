import { definePolicy } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Linux default: a page stays on the node that first touches it',
  paper: 'mm/mempolicy.c, MPOL_DEFAULT (set_mempolicy(2))',
  rules: () => [],
})
