// Writes docs/gallery.md and its pictures: every chart of every report, of a run on a tiered machine and of a small study. Needs a build.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { bindChart, bindComparison, chartContext, chartFile, comparisonCharts, drawSvg, listReports, loadReports, SECTIONS } = await import(
  join(root, 'dist/src/report/index.js')
)
const { compareRuns, openRun } = await import(join(root, 'dist/src/results/index.js'))
const { openStudy } = await import(join(root, 'dist/src/sweep/index.js'))

const SAMPLE = 'traces/samples/phase-shift-autonuma.csv.gz'
const POLICIES = ['first-touch', 'interleave', 'hot-page-daemon', 'numa-balancing', 'tpp', 'clairvoyant']
const RESIDENCY = 'traces/samples/phase-shift-autonuma.residency.csv.gz'
const replay = [SAMPLE, '-m', '2-socket', '--memory', '0=8MiB,1=1MiB', '--residency', RESIDENCY, ...POLICIES.flatMap((policy) => ['-p', policy])]
const PLAN = `traces:
  - phase-shift:slab=128KiB,accesses=200000,phases=8,duration=10s
  - zipf:pages=3000,accesses=300000
  - stream:array=512KiB,iterations=6
  - producer-consumer:items=20000
  - uniform:table=8MiB,updates=100000
machines: [spr-2s, bdw-2s]
policies: [first-touch, interleave, 'hot-page-daemon:period=500ms|2s', numa-balancing]
seeds: [1, 2]
`

const scratch = mkdtempSync(join(tmpdir(), 'numareplay-gallery-'))
function numareplay(...args) {
  const { status } = spawnSync(process.execPath, [join(root, 'dist/src/cli/main.js'), ...args], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) process.exit(status ?? 1)
}
numareplay('replay', ...replay, '-o', join(scratch, 'run'), '--no-html', '--no-progress')
writeFileSync(join(scratch, 'study.yaml'), PLAN)
numareplay('sweep', join(scratch, 'study.yaml'), '-o', join(scratch, 'store'))
const run = await openRun(join(scratch, 'run'))
const study = await openStudy(join(scratch, 'store'))

const folder = join(root, 'docs/gallery')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const lines = [
  '# Gallery',
  '',
  'Every chart of every report, as `numareplay report RUN --svg` draws it. Written by `node .ci/gallery.mjs` from this run:',
  '',
  '```sh',
  `numareplay replay ${replay.join(' ')}`,
  '```',
  '',
  'In the HTML report the same charts follow the choice of policies and of a time window, in light and dark.',
]
let total = 0
const drawn = new Set()
async function draw(report, chart, bound) {
  if (Object.values(chart.data).every((rows) => rows.length === 0)) return
  const svg = await drawSvg(bound)
  const file = chartFile(folder, report, chart.name, 'svg')
  writeFileSync(file, svg)
  drawn.add(report)
  total += svg.length
  lines.push('', `![${chart.description}](gallery/${file.slice(folder.length + 1)})`, '', `${Math.ceil(svg.length / 1024)} KB`)
}
async function drawAll(tables, reports, source) {
  let section
  const context = chartContext(tables)
  for (const { name, report } of reports) {
    if (report.section !== section) lines.push('', `## ${SECTIONS[report.section]}`)
    section = report.section
    if (section === 'study' && report === reports[0].report) lines.push('', 'Of a sweep, here of this plan:', '', '```yaml', PLAN.trimEnd(), '```')
    lines.push('', `### ${report.title}`, '', `*${report.question}* · \`numareplay report ${source} -r ${name}\``)
    for (const chart of report.charts(tables)) await draw(name, chart, bindChart(chart, context, { scheme: 'light', framed: true }))
  }
}
await drawAll(run, await loadReports(), 'RUN')
await drawAll(study, await loadReports(undefined, 'study'), 'STORE')
lines.push('', '## Comparison over traces', '', '*Which policy is better over several traces, and is that more than chance?* · `numareplay compare STORE`')
const comparison = compareRuns(study.runs)
for (const chart of comparisonCharts(comparison)) await draw('compare', chart, bindComparison(chart, comparison, 'light'))
rmSync(scratch, { recursive: true })
for (const name of listReports()) if (!drawn.has(name)) throw new Error(`report ${name} has no picture: replay something that it draws`)
lines.push('', `All pictures together: ${Math.ceil(total / 1024)} KB.`, '')
writeFileSync(join(root, 'docs/gallery.md'), lines.join('\n'))
console.log(`docs/gallery.md, ${Math.ceil(total / 1024)} KB of pictures`)
