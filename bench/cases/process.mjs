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
    const reason = `at ${(facts.accesses / 1e6).toFixed(1)} M accesses the target is ${(facts.accesses / LIBCACHESIM / 25).toFixed(2)} CPU s, and Node alone takes 0.09 to start; ${facts.pages.toLocaleString('en')} pages are read, put in order of address and laid out however few accesses there are. Of what is left, a quarter is loading and compiling our modules, a fifth the 22 Parquet tables (code that runs once is not compiled), 8 % the order of the pages, a twentieth each the optimum, decoding, garbage and the machine file. Done: one module a folder (430 files loaded before, 40 now: static 1.75 to 1.23 CPU s, numa-balancing 2.23 to 1.76, a help text 0.95 to 0.59, alternating on a busy machine); formats, packages and tables of languages loaded only where they are used. 200 M accesses took 4.24 before and 3.13 now, 64 M/s (--scale measures 1,000 M)`
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
