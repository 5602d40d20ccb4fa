// P5, P13 and many lanes at once: cost of a lane among 1, 8 and 64; two workers against one.
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
        'the import alone, a whole process that reads, numbers and folds 20 M accesses, takes 3.7 CPU s, and all 64 loops of C together 2.1, though every later replay shares its file. The lanes alone take 2.58 CPU s (3.39 before; alternating on a busy machine): a call of the policy for each of 387,363 pages in each lane, while the C loop has the placement before it starts; with pages placed see the row of 64 lanes. Tried: frames and counts of a tick taken together (130 to 88 ns a page and lane with eight of them); the loop over absent pages alone, found by a kernel, in a function of its own (the engine compiled it anew each tick before). Shipped static policies need no call: bind 332 to 32 ns a page, interleave 308 to 81',
    })
    const policies = KINDS['hot-page-daemon'](8)
    const load = () => run({ action: 'replay', policies, jobs: 2 })
    await bench.compare({
      id: 'P13',
      what: `8 lanes of hot-page-daemon on two workers, whole replay() with its optimum and tables, ${TRACE}`,
      unit: 'M lane accesses/s',
      clock: 'wall',
      ours: load,
      theirs: () => run({ action: 'replay', policies, jobs: 1 }),
      work: once * policies.length,
      against: 'one worker',
      target: 1.85,
      reason:
        'one worker keeps 1.12 processors busy, as the engine collects garbage and compiles beside it, and two workers keep 1.8: at equal processor time that is 1.6. Both threads are warm and have the trace in memory; two loops of C at once scale by 2.0 here, two processes of four lanes each take 0.42 s where one thread with eight takes 0.70. The rows of all lanes become tables in one thread (25 of some 1,340 ms; 50 before), which also counts the picture. Tried: rows go into tables without copies and without a look-up of each name (their share of a replay 4.1 to 2.0 %); the picture in the pass of the lanes, and the optimum in shards of pages, one a thread; a collector with a single thread made no difference. Encoding a lane in its thread would not help: replay() makes no file, and rows are the same work wherever they are added',
    })
  },
}

const sum = (one, other) => ({ cpu: one.cpu + other.cpu, wall: one.wall + other.wall })
