// Writes docs/gallery.md and its pictures: every chart of every report, on a recording and on a tiered machine. Needs a build.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { bindChart, chartContext, chartFile, drawSvg, loadReports, SECTIONS } = await import(join(root, 'dist/src/report/index.js'))
const { openRun } = await import(join(root, 'dist/src/results/index.js'))

const SAMPLE = 'traces/samples/phase-shift-autonuma.csv.gz'
const POLICIES = ['first-touch', 'interleave', 'hot-page-daemon', 'numa-balancing', 'tpp', 'clairvoyant']
const replay = [SAMPLE, '-m', '2-socket', '--memory', '0=8MiB,1=1MiB', ...POLICIES.flatMap((policy) => ['-p', policy])]

const scratch = mkdtempSync(join(tmpdir(), 'numareplay-gallery-'))
const command = ['replay', ...replay, '-o', join(scratch, 'run'), '--no-html', '--no-progress']
const { status } = spawnSync(process.execPath, [join(root, 'dist/src/cli/main.js'), ...command], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
if (status !== 0) process.exit(status ?? 1)
const run = await openRun(join(scratch, 'run'))
rmSync(scratch, { recursive: true })

const folder = join(root, 'docs/gallery')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const context = chartContext(run)
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
let section
let total = 0
for (const { name, report } of await loadReports()) {
  if (report.section !== section) lines.push('', `## ${SECTIONS[report.section]}`)
  section = report.section
  const charts = report.charts(run).filter(({ data }) => Object.values(data).some((rows) => rows.length > 0))
  if (charts.length === 0) continue
  lines.push('', `### ${report.title}`, '', `*${report.question}* · \`numareplay report RUN -r ${name}\``)
  for (const chart of charts) {
    const svg = await drawSvg(bindChart(chart, context, { scheme: 'light', framed: true }))
    const file = chartFile(folder, name, chart.name, 'svg')
    writeFileSync(file, svg)
    total += svg.length
    lines.push('', `![${chart.description}](gallery/${file.slice(folder.length + 1)})`, '', `${Math.ceil(svg.length / 1024)} KB`)
  }
}
lines.push('', `All pictures together: ${Math.ceil(total / 1024)} KB.`, '')
writeFileSync(join(root, 'docs/gallery.md'), lines.join('\n'))
console.log(`docs/gallery.md, ${Math.ceil(total / 1024)} KB of pictures`)
