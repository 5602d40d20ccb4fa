// Speed of the lane loop: accesses a CPU second of one lane over a fold in memory, for two builds in alternation.
//   node bench/lane.mjs [DIST [OTHER_DIST]]     prints the median of ROUNDS paired runs, and the ratio pair by pair
import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROUNDS = 7
const ACCESSES = 2_000_000
const PAGES = 200_000
const CASES = ['first-touch', 'numa-balancing']

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

if (process.argv[2] === '--one') {
  console.log(JSON.stringify(await measure(process.argv[3])))
} else {
  const builds = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['dist']
  const rounds = Array.from({ length: ROUNDS }, () =>
    builds.map((dist) => JSON.parse(execFileSync(process.execPath, [import.meta.filename, '--one', resolve(dist)], { encoding: 'utf8' }))),
  )
  for (const policy of CASES) {
    for (const [i, dist] of builds.entries()) {
      const rates = rounds.map((round) => round[i][policy])
      console.log(`${policy}  ${dist}: ${median(rates).toFixed(1)} M accesses/CPU s (${Math.min(...rates).toFixed(1)} … ${Math.max(...rates).toFixed(1)})`)
    }
    if (builds.length === 2) {
      const ratios = rounds.map(([a, b]) => a[policy] / b[policy])
      console.log(`${policy}  ratio: ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} … ${Math.max(...ratios).toFixed(2)})`)
    }
  }
}

/** Million accesses a CPU second per policy: planning and import left out, the third of three runs. */
async function measure(dist) {
  const load = (module) => import(pathToFileURL(join(dist, module)).href)
  const [{ traceFromAccesses }, { machine }, { parsePolicySpec }, { planReplay }, { replayLanes }] = await Promise.all(
    ['src/trace/index.js', 'src/machine/index.js', 'src/policy/index.js', 'src/replay/plan.js', 'src/replay/replay.js'].map(load),
  )
  let state = 1
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  // Two threads in three stay with their own half, the rest goes anywhere; hot pages are drawn by squaring
  const list = Array.from({ length: ACCESSES }, (_, i) => {
    const cpu = random(8)
    const half = random(3) > 0 ? Math.floor(cpu / 4) : random(2)
    const page = Math.floor((half + (random(1e6) / 1e6) ** 2) * (PAGES / 2))
    return { t: i * 1000, page, pid: 1, tid: 1 + cpu, cpu, op: random(3) === 0 ? 'W' : 'R' }
  })
  const trace = traceFromAccesses(list, { tickNs: 10_000_000 })
  const rates = {}
  for (const spec of CASES) {
    const policies = await parsePolicySpec(spec)
    const { context } = planReplay(trace, machine('skx-cl-2s'), policies, { seed: 1, cpus: 'spread' })
    for (let run = 0; run < 3; run++) {
      const before = process.cpuUsage()
      replayLanes(context, policies)
      const { user, system } = process.cpuUsage(before)
      rates[spec] = ACCESSES / (user + system)
    }
  }
  return rates
}
