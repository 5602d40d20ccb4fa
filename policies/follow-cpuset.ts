import { definePolicy, onCpusetChange } from '../src/policy/index.ts'

export default definePolicy({
  about: "A process's pages follow its cpuset: relative placement within the node set is kept",
  paper: 'Documentation/admin-guide/cgroup-v2.rst, cpuset.mems; kernel/cgroup/cpuset.c:cpuset_attach, update_nodemask',
  rules: ({ kernel }) => [onCpusetChange(({ group, process, to }) => kernel.setCpuset(group, { mems: to, attach: [process] }))],
})
