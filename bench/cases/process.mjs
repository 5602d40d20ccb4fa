// P6: the whole command `numareplay replay` on a prepared file, start of Node, plan, optimum, tables and all.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const TRACE = 'mix 1M'
/** libCacheSim's LRU, requests a second of a whole process on a binary trace, as its authors publish: github.com/1a1a11a/libCacheSim, README. */
const LIBCACHESIM = 20e6
/** A numba loop of two-touch over dense page numbers in memory, 1M pages, recorded on an AMD EPYC (Zen 5). */
const NUMBA = 118e6

export default {
  ids: ['P6'],

  async measure(bench) {
    const { facts } = await bench.opened(TRACE)
    const folder = mkdtempSync(join(tmpdir(), 'numareplay-bench-'))
    const file = bench.imported(TRACE)
    const replay = (policy) => bench.command('replay', file, '-m', 'opteron-8node', '-p', policy, '--no-html', '-o', join(folder, 'run'))
    const recorded = (rate) => () => ({ cpu: facts.accesses / rate, wall: facts.accesses / rate })
    const static4 = bench.native('replay', 'static4', bench.generated(TRACE))
    const online = bench.native('replay', 'online', bench.generated(TRACE))
    const reason = `a process costs what its start and ${facts.pages.toLocaleString('en')} pages cost, however few accesses there are; here they are ${(facts.accesses / 1e6).toFixed(1)} M (--scale measures 1,000 M)`
    const row = (what, policy, theirs, against, target) =>
      bench.compare({
        id: 'P6',
        what: `whole process, ${what}, ${TRACE}`,
        unit: 'M accesses/s',
        work: facts.accesses / 1e6,
        ours: () => replay(policy),
        theirs,
        against,
        target,
        reason,
        warmUps: 0, // whole processes start cold every time
      })
    await row('static (first-touch)', 'first-touch', recorded(LIBCACHESIM), 'libCacheSim LRU, 20 M requests/s (published)', 25)
    await row('online (numa-balancing)', 'numa-balancing', recorded(LIBCACHESIM), 'libCacheSim LRU, 20 M requests/s (published)', 8)
    await row('online (numa-balancing)', 'numa-balancing', recorded(NUMBA), 'two-touch loop in numba, 118 M accesses/s (recorded)', 2)
    await row('static (first-touch)', 'first-touch', () => static4.run(), 'static placement at each access, the loop alone')
    await row('online (numa-balancing)', 'numa-balancing', () => online.run(), 'two-touch at each access, the loop alone')
    rmSync(folder, { recursive: true })
  },
}
