// node bench/tiering.mjs [DIST [OTHER_DIST]]: cpu seconds and memory of policies that rank pages, and of the optimum with scarce
// memory, over a fold in memory; with two builds in alternation, the ratio of the first to the second. Both must give the same figures.
import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROUNDS = 3
const PAGES = 100_000
const ACCESSES = 3_000_000
const SPECS = { tpp: 'tpp', clairvoyant: 'clairvoyant:horizon=10s,gain=100ns', optimum: 'first-touch' }

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

if (process.argv[2] === '--one') console.log(JSON.stringify(await measure(process.argv[3], process.argv[4])))
else {
  const builds = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['dist']
  for (const name of Object.keys(SPECS)) {
    const rounds = Array.from({ length: ROUNDS }, () =>
      builds.map((dist) => JSON.parse(execFileSync(process.execPath, ['--max-old-space-size=3000', import.meta.filename, '--one', resolve(dist), name]))),
    )
    for (const [i, dist] of builds.entries()) {
      const of = (field) => median(rounds.map((round) => round[i][field]))
      console.log(`${name}  ${dist}: ${of('seconds').toFixed(2)} cpu s, ${of('mebibytes').toFixed(0)} MiB more at most, ${rounds[0][i].result}`)
    }
    if (builds.length === 2) {
      if (rounds[0][0].result !== rounds[0][1].result) console.log(`${name}  the builds do not agree`)
      const ratios = rounds.map(([a, b]) => a.seconds / b.seconds)
      console.log(`${name}  ratio: ${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)} … ${Math.max(...ratios).toFixed(3)})`)
    }
  }
}

async function measure(dist, name) {
  const load = (module) => import(pathToFileURL(join(dist, module)).href)
  const [{ traceFromAccesses }, { machine, withMemory }, { parsePolicySpec }, { planReplay }, { replayLanes }, { boundOf }] = await Promise.all(
    ['src/trace/index.js', 'src/machine/index.js', 'src/policy/index.js', 'src/replay/plan.js', 'src/replay/pass.js', 'src/replay/bound.js'].map(load),
  )
  let state = 1
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  // Popular pages by squaring, the popular end wanders; 300 epochs
  const list = Array.from({ length: ACCESSES }, (_, i) => {
    const cpu = random(8)
    const page = Math.floor((random(1e6) / 1e6) ** 2 * PAGES + (i / ACCESSES) * PAGES) % PAGES
    return { t: i * 1000, page, pid: 1, tid: 1 + cpu, cpu, op: random(3) === 0 ? 'W' : 'R' }
  })
  const trace = traceFromAccesses(list, { tickNs: 10_000_000 })
  list.length = 0
  const box = withMemory(machine('2s-plus-cxl'), `0=${PAGES}KiB,1=${PAGES}KiB,2=${8 * PAGES}KiB`)
  const policies = await parsePolicySpec(SPECS[name])
  const { context } = planReplay(trace, box, policies, { seed: 1, cpus: 'spread' })
  const before = process.resourceUsage()
  let result
  if (name === 'optimum') {
    const { kind, ps, feasiblePs } = boundOf(context)
    result = `${kind} ${ps} ${feasiblePs}`
  } else {
    const [{ status, totals }] = replayLanes(context, policies)
    result = `${status} ${totals.memoryPs} ps, ${totals.migrated} pages migrated`
  }
  const after = process.resourceUsage()
  const seconds = (after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime) / 1e6
  return { seconds, mebibytes: (after.maxRSS - before.maxRSS) / 1024, result }
}
