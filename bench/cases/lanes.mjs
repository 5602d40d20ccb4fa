// P5, P13 and many lanes at once: cost of a lane among 1, 8 and 64, by itself and with the fold; two workers against one.
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { BENCH, LANE } from '../lib/bench.mjs'

const TRACE = 'mix 1M'
const MANY = 64
const seeds = (count) => Array.from({ length: count }, (_, i) => i + 1)

/** That many lanes of a kind. */
const KINDS = {
  'static placements': (count) => seeds(count).map((seed) => `${join(BENCH, 'plugins/scatter.ts')}:seed=${seed}`),
  'hot-page-daemon': (count) => seeds(count).map((seed) => `hot-page-daemon:samples=${seed}`),
}

export default {
  ids: ['P5', 'P13', 'lanes'],

  async check(bench) {
    const { run } = await bench.opened(TRACE)
    const { hash } = await run(refoldOf(bench, true))
    bench.agree(`ticks built anew from kept accesses, ${TRACE}`, hash, (await run({ action: 'foldHash' })).hash)
  },

  async measure(bench) {
    const { facts, lanes, run } = await bench.opened(TRACE)
    const static4 = bench.native('replay', 'static4', bench.generated(TRACE))
    const once = facts.accesses / 1e6
    for (const [kind, specs] of Object.entries(KINDS)) {
      for (const count of [1, 8, MANY]) {
        await bench.compare({
          id: 'lanes',
          what: `${count} ${count === 1 ? 'lane' : 'lanes'} of ${kind} in one pass, ${TRACE}`,
          unit: 'M lane accesses/s',
          ours: () => lanes(specs(count), { options: LANE, placed: true }),
          oursWork: once * count,
          theirs: () => static4.run(),
          theirsWork: once,
          against: 'static placement at each access',
          warmUps: count === MANY ? 1 : undefined,
        })
      }
    }
    const packed = bench.generated(TRACE)
    await bench.compare({
      id: 'P5',
      what: `import of the recording and ${MANY} static lanes with all pages allocated, ${TRACE}`,
      unit: 'M lane accesses/s',
      ours: async () => sum(bench.importPacked(packed, packed.replace(/u32$/, 'p5.nrt')), await lanes(KINDS['static placements'](MANY), { options: LANE })),
      theirs: () => static4.run(),
      oursWork: once * MANY,
      theirsWork: once,
      against: `${MANY} passes of static placement at each access`,
      target: 5,
      warmUps: 0, // whole processes start cold every time
      reason:
        'the import alone, a whole process that reads, numbers and folds 20 M accesses, takes 3.6 CPU s (pairs of 64 rows looked for together, touches ranked four at a time, no memory of the last leaf: 2.5 % less here, 11 % on zipf 1M; no gain from looking ahead for pages or for pairs of finished ticks; the plug-in and the push of single accesses are a fifth of it, the digest a tenth), and all 64 loops of C together 2.1, though every later replay shares its file. The lanes alone take 1.6 CPU s (3.39 and 2.58 before; alternating on a busy machine): a call of the policy for each of 387,363 pages in each lane, while the C loop has the placement before it starts; with pages placed see the row of 64 lanes. Tried: fresh pages taken from a list made once for all lanes (1.8 to 1.5), frames and counts of a tick taken together (130 to 88 ns a page and lane with eight of them); the loop over absent pages alone, found by a kernel, in a function of its own (the engine compiled it anew each tick before). Shipped static policies need no call: bind 332 to 32 ns a page, interleave 308 to 81',
    })
    const refold = refoldOf(bench)
    await bench.compare({
      id: 'P5',
      what: `fold of the kept accesses (epochs built anew) and ${MANY} static lanes with pages placed, ${TRACE}`,
      unit: 'M lane accesses/s',
      ours: async () => sum(await run(refold), await lanes(KINDS['static placements'](MANY), { options: LANE, placed: true })),
      theirs: () => static4.run(),
      oursWork: once * MANY,
      theirsWork: once,
      against: `${MANY} passes of static placement at each access`,
      target: 5,
      reason:
        'the fold takes 0.15 to 0.24 CPU s (2.8 to 4.1 through the whole importer) and the lanes 0.12 to 0.15, all 64 loops of C 1.5 to 2.2. Tried with success: runs sorted as keys of 64 bits (two passes instead of three over a quarter of the bytes), touches and writes of a run found without branches, times summed while they are unpacked, the table of pages joined by a kernel, large ticks as blocks of their own (all together 250 to 350 ms to 150 to 240); cells of joint lanes close together (134 to 189 ms to 117 to 148); before: runs sorted instead of looked for one by one in a table larger than the second cache (best of ten, alternating on a busy machine: 302 to 246 and 243 to 195 ms), runs as they are stored in place of words (2.1 for 20 million), times in 32 bits instead of floats, differences undone by a kernel (50 to 17 ms); the lanes from pairs of 32 bits (0.19 to 0.15). Without: slots of eight pages side by side (7 % less to 8 % more here, 16 % more on zipf 1M), groups of 32 runs',
    })
    const policies = KINDS['hot-page-daemon'](8)
    const on = (jobs) => () => run({ action: 'replay', policies, jobs })
    const workers = { id: 'P13', unit: 'M lane accesses/s', ours: on(2), theirs: on(1), work: once * policies.length, against: 'one worker' }
    await bench.compare({
      ...workers,
      what: `8 lanes of hot-page-daemon on two workers, whole replay() of a trace replayed before, tables included, ${TRACE}`,
      clock: 'wall',
      target: 1.85,
      reason:
        'a timeline of both threads, undisturbed: one worker 249 ms on the clock and 269 of the processor, two 149 and 271, so nothing is done twice, and 1.84 would be all of it without a moment of waiting. A lane takes 25 to 40 ms and cannot be divided (docs/architecture.md), the first half as much again, so that one thread is idle for some 24 ms at the end; the first thread alone makes the plan (1.6 ms), counts the picture (7), reads the lanes of the other (6) and collects all (3 to 8). Undisturbed: 1.74 (best 1.84) here, 1.94 with 32 lanes; beside neighbours both are lower, as lanes that look at samples of a million pages wait for memory. Tried with success: state of lanes in the memory of kernels instead of 7 MB of arrays a lane, for which the engine collected everything at every replay and dropped what it had compiled (1.41 to 1.71); lanes dealt out while they are replayed (1.71 to 1.74, with 32 lanes 1.76 to 1.94); before: tables over time filled in the thread of their lane, not as rows that are copied between threads name by name (1.6 to 0.73 MB for four lanes); lanes dealt to and fro; pages of the bins of the picture counted once for a trace; less garbage and work in each lane; rows into tables without copies; the optimum in shards of pages, one a thread (a replay later takes it from there). Without: columns of one value sent once (1.69, 1.75 and 1.34 against 1.71, 1.71 and 1.70); numbers of the columns packed into typed arrays (3 ms less to read, 7 more to pack and unpack); the first lane to the other thread; ticks of a block lane by lane; totals of samples kept beside their parts; one arena of the allocator, or another threshold for its mappings; a collector with a single thread (all the same)',
    })
    const { thread } = await on(2)()
    if (thread === null) return // what is not a number in JSON: the system does not tell
    await bench.compare({
      ...workers,
      what: `the same by processor time of the first thread, which starts the other and collects, ${TRACE}`,
      clock: 'thread',
    })
  },
}

/** The request that builds the ticks of the trace anew, from a file whose accesses were folded into ticks half as long. */
function refoldOf(bench, isHashed) {
  const kept = bench.imported(TRACE, '--keep-accesses')
  const file = kept.replace(/nrt$/, 'halves.nrt')
  const tickNs = 10 * bench.tick
  if (!existsSync(file) || statSync(file).mtimeMs < statSync(kept).mtimeMs)
    bench.command('import', kept, '--keep-accesses', '--tick', `${tickNs / 2}ns`, '-o', file)
  return { action: 'refold', file, tickNs, isHashed }
}

const sum = (one, other) => ({ cpu: one.cpu + other.cpu, wall: one.wall + other.wall })
