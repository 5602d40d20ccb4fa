// A billion accesses to ten million pages: import and replay under eight policies on two workers, bounded memory. Only with --scale.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ACCESSES = 1e9
const PAGES = 1e7
const POLICIES = ['first-touch', 'interleave', 'local', 'preferred', 'numa-balancing', 'hot-page-daemon', 'autotiering', 'counter-based']
const GIB = 2 ** 30

const P6_REASON =
  'the whole process does what a comparison needs. By profile of 300 M accesses to 5.3 M pages under first-touch: the optimum 33 % (what is known of a page lies anywhere in 170 MB), order and layout of the pages 22 %, decoding 8 %, counting the accesses of the lane and of the picture 5 %. Done: the optimum in shards of pages over all threads and in the pass of the lanes; pages sorted by digits with their keys; blocks decoded where kernels read them'

export default {
  ids: ['scale'],
  onlyOnRequest: true,

  async measure(bench) {
    const folder = mkdtempSync(join(tmpdir(), 'numareplay-bench-'))
    const file = join(folder, 'billion.nrt')
    const shrink = bench.isFull ? 1 : 5000 / bench.scale.shrink
    const [accesses, pages] = [ACCESSES / shrink, Math.ceil(PAGES / shrink)]
    const size = `${accesses.toExponential(0)} accesses, ${pages.toExponential(0)} pages`
    const figure = (what, unit, value, target) => bench.figure({ id: 'scale', what: `${what}, ${size}`, unit, value, target })
    bench.log(`importing ${size}`)
    const imported = bench.command('import', `mix:pages=${pages},accesses=${accesses},duration=100s`, '-o', file)
    figure('import of a generated trace', 's of CPU', imported.cpu)
    figure('import of a generated trace', 's', imported.wall)
    figure('import, peak memory', 'GiB', imported.peakBytes / GIB, 8)
    figure('prepared file', 'GiB', statSync(file).size / GIB)
    bench.log(`replaying ${size}`)
    const lanes = POLICIES.flatMap((policy) => ['-p', policy])
    const replayed = bench.command('replay', file, '-m', 'opteron-8node', ...lanes, '--jobs', '2', '--no-html', '-o', join(folder, 'run'))
    figure(`replay under ${POLICIES.length} policies`, 's of CPU', replayed.cpu)
    figure(`replay under ${POLICIES.length} policies on two workers`, 's', replayed.wall)
    figure(`replay under ${POLICIES.length} policies, peak memory`, 'GiB', replayed.peakBytes / GIB, 8)
    const one = bench.command('replay', file, '-m', 'opteron-8node', '-p', 'first-touch', '--no-html', '--quick-optimum', '-o', join(folder, 'one'))
    bench.figure({
      id: 'P6',
      what: `whole process, first-touch, ${size}: times libCacheSim's 20 M/s`,
      unit: '×',
      value: accesses / one.cpu / 20e6,
      target: 25,
      atLeast: true,
      reason: P6_REASON,
    })
    const online = bench.command('replay', file, '-m', 'opteron-8node', '-p', 'numa-balancing', '--no-html', '--quick-optimum', '-o', join(folder, 'online'))
    bench.figure({
      id: 'P6',
      what: `whole process, numa-balancing, ${size}: times libCacheSim's 20 M/s`,
      unit: '×',
      value: accesses / online.cpu / 20e6,
      target: 8,
      atLeast: true,
      reason: P6_REASON,
    })
    rmSync(folder, { recursive: true })
  },
}
