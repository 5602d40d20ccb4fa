import { at, definePolicy, perform, scheduleOf, text } from '../src/policy/index.ts'

export default definePolicy({
  about: 'An operator runs a schedule of migrate_pages, move_pages, mbind, set_mempolicy and cpuset calls',
  paper: 'migrate_pages(2), move_pages(2), mbind(2), set_mempolicy(2), cpuset(7), migratepages(8)',
  params: {
    calls: text('', "the schedule itself, calls separated by ';': 2s migrate_pages pid=1 from=0 to=1"),
    script: text('', 'a file with one call a line (# starts a comment)'),
  },
  rules(world, { calls, script }) {
    const schedule = [...scheduleOf(world, calls.replaceAll(';', '\n'), 'calls'), ...(script === '' ? [] : scheduleOf(world, world.readText(script), script))]
    return schedule.map(({ timeNs, call }) => at(timeNs, () => perform(world, call)))
  },
})
