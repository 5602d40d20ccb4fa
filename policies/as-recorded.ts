import { definePolicy, onSyscall, perform } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Applies the migrate_pages, move_pages and cpuset calls that the trace recorded, at their times',
  paper: 'migrate_pages(2), move_pages(2), cpuset(7)',
  rules: (world) => [onSyscall((call) => perform(world, call))],
})
