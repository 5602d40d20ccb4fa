/**
 * One self-contained HTML file: opens from a disk without network, reads without JavaScript (still pictures and tables are
 * in the page), follows light, dark and print by style sheet, and comes alive with the runtime bundle. Everything that came
 * from outside (file names, labels, messages) is escaped; the only script that may run is the bundle, named by its hash.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Cell, Row } from '../columns/index.ts'
import { CODE_ROOT, MODULE_EXTENSION } from '../package.ts'
import { formatCount, formatDuration } from '../units.ts'
import { bindChart, type ChartContext, chartContext, drawnLanes } from './bind.ts'
import { type ReportChart, type ReportTable, type RunTables, SECTIONS, type Section } from './define.ts'
import { compileChart, drawSvg } from './draw.ts'
import { findings } from './findings.ts'
import type { NamedReport } from './list.ts'
import { caveats, commandLine, provenance } from './provenance.ts'
import { LANE_COLOURS, laneRole, ROLES } from './theme.ts'
import { TimeGrid } from './time.ts'

export async function renderHtml(run: RunTables, reports: readonly NamedReport[]): Promise<string> {
  const { script, style } = await runtime()
  const context = chartContext(run)
  const live = new LiveCharts(context)
  const sections: string[] = []
  for (const section of Object.keys(SECTIONS) as Section[]) {
    const members = reports.filter(({ report }) => report.section === section)
    if (members.length === 0) continue
    const bodies: string[] = []
    for (const named of members) bodies.push(await reportHtml(named, run, context, live))
    sections.push(
      `<section id="${section}" aria-labelledby="${section}-title"><h2 id="${section}-title">${SECTIONS[section]}</h2>${bodies.join('\n')}</section>`,
    )
  }
  const policy = `default-src 'none'; script-src 'sha256-${sha256(script)}'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="numareplay ${escapeHtml(run.record.version)}">
<title>${escapeHtml(title(run))}</title>
<style>${colourVariables()}${style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the charts</a>
${masthead(run, reports)}
${controls(run, context)}
<main id="content">
${sections.join('\n')}
</main>
${footer(run)}
<dl id="tooltip" hidden></dl>
<script type="application/json" id="report-data">${escapeJson(live.document())}</script>
<script>${script}</script>
</body>
</html>
`
}

/** The bundle made with the package; from sources it is made on the spot. */
async function runtime(): Promise<{ script: string; style: string }> {
  const script = join(CODE_ROOT, 'report-runtime.js')
  if (MODULE_EXTENSION === '.js' && existsSync(script)) {
    return { script: readFileSync(script, 'utf8'), style: readFileSync(join(CODE_ROOT, 'report-runtime.css'), 'utf8') }
  }
  const { bundle } = (await import(pathToFileURL(join(CODE_ROOT, 'src/report/runtime/build.mjs')).href)) as {
    bundle(): Promise<{ script: string; style: string }>
  }
  return bundle()
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64')

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')

/** JSON that cannot end the script element it stands in. */
const escapeJson = (document: unknown): string => JSON.stringify(document).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e')

function colourVariables(): string {
  const of = (index: 0 | 1): string =>
    Object.entries(ROLES)
      .map(([role, colours]) => `--${role}:${colours[index]};`)
      .join('')
  const light = `color-scheme:light;--page:#f5f6f9;${of(0)}`
  const dark = `color-scheme:dark;--page:#0f131a;${of(1)}`
  return `:root{${light}}@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}:root[data-theme=dark]{${dark}}@media print{:root:root:root{${light}--page:#ffffff;}}`
}

// ---- charts

/** Shown beside what a time window does not cut. */
const WHOLE_RUN = '<span class="badge">whole run: not cut to the time window</span>'

/** What the runtime needs: compiled charts, and each distinct column of their rows once. */
class LiveCharts {
  readonly #context: ChartContext
  readonly #charts: Record<string, unknown>[] = []
  readonly #datasets: { names: string[]; stored: number[] }[] = []
  readonly #columns: { texts?: string[]; values: Cell[] }[] = []
  readonly #indexOf = new Map<string, number>()

  constructor(context: ChartContext) {
    this.#context = context
  }

  async add(id: string, chart: ReportChart): Promise<void> {
    const { vega } = await compileChart(bindChart(chart, this.#context, { scheme: 'page', framed: false, withoutData: true }))
    const filled = Object.entries(chart.data).filter(([, rows]) => rows.length > 0)
    const data = Object.fromEntries(filled.map(([name, rows]) => [name, this.#dataset(rows)]))
    const columns = (chart.spec['columns'] as number | undefined) ?? 1
    this.#charts.push({ id, name: chart.name, vega, data, columns })
  }

  #dataset(rows: Row[]): number {
    const names = Object.keys(rows[0]!)
    const stored = names.map((name) => this.#column(rows.map((row) => row[name] ?? null)))
    return this.#once({ names, stored }, this.#datasets)
  }

  #column(values: Cell[]): number {
    if (!values.every((value) => typeof value === 'string')) return this.#once({ values }, this.#columns)
    const texts = [...new Set(values)]
    return this.#once({ texts, values: values.map((value) => texts.indexOf(value)) }, this.#columns)
  }

  /** Index of an equal item, or of this one, added. */
  #once<T>(item: T, items: T[]): number {
    const key = JSON.stringify(item)
    let index = this.#indexOf.get(key)
    if (index === undefined) {
      index = items.push(item) - 1
      this.#indexOf.set(key, index)
    }
    return index
  }

  document(): unknown {
    const { lanes, edges, unit } = this.#context
    return { lanes, edges, unit, charts: this.#charts, datasets: this.#datasets, columns: this.#columns }
  }
}

async function reportHtml({ name, report }: NamedReport, run: RunTables, context: ChartContext, live: LiveCharts): Promise<string> {
  const cards: string[] = []
  for (const chart of report.charts(run)) cards.push(await chartCard(`${name}-${chart.name}`, chart, context, live))
  const tables = report.text(run).map((table) => tableHtml(table, context))
  // The comparison is the page's first answer; other tables stand folded beside their charts
  const isOpen = name === 'summary' || cards.length === 0
  const folded = tables.map((table) => (isOpen ? `<div class="card table">${table}</div>` : table))
  const tablesHtml = isOpen
    ? folded.join('\n')
    : `<details class="card"><summary>The figures as ${tables.length === 1 ? 'a table' : 'tables'}</summary>${folded.join('\n')}</details>`
  return `<div class="report" id="${escapeHtml(name)}">
<h3>${escapeHtml(report.title)}</h3><p class="question">${escapeHtml(report.question)}</p>
<div class="cards">${isOpen ? tablesHtml : ''}${cards.join('\n')}${isOpen || tables.length === 0 ? '' : tablesHtml}</div>
</div>`
}

async function chartCard(id: string, chart: ReportChart, context: ChartContext, live: LiveCharts): Promise<string> {
  const isEmpty = Object.values(chart.data).every((rows) => rows.length === 0)
  if (!isEmpty) await live.add(id, chart)
  const still = isEmpty
    ? '<p class="empty">Nothing to show: none in this run.</p>'
    : `<div class="mount" id="${escapeHtml(id)}" role="img" aria-label="${escapeHtml(chart.description)}"><div class="still" aria-hidden="true">${await drawSvg(bindChart(chart, context, { scheme: 'page', framed: false }))}</div></div>`
  const actions = isEmpty
    ? ''
    : '<span class="actions"><button type="button" data-save="svg">SVG</button><button type="button" data-save="csv">CSV</button></span>'
  return `<figure class="card ${chart.width === 'full' ? 'full' : 'half'}">
<figcaption><h4><span>${escapeHtml(chart.title)}</span>${WHOLE_RUN}${actions}</h4>
${chart.caption ? `<p>${prose(chart.caption)}</p>` : ''}${hasLaneColour(chart.spec) ? laneLegend(chart, context) : ''}</figcaption>
${still}
</figure>`
}

/** Charts with a legend of lanes of their own: those that colour by lane without naming lanes on an axis. */
function hasLaneColour(spec: unknown): boolean {
  if (spec === null || typeof spec !== 'object') return false
  const { color, fill = color } = spec as Record<'color' | 'fill', { field?: string; legend?: unknown } | undefined>
  if (fill?.field === 'lane' && fill.legend !== null) return true
  return Object.values(spec).some(hasLaneColour)
}

function laneLegend(chart: ReportChart, { lanes }: ChartContext): string {
  const items = drawnLanes(chart, lanes).map((lane) => {
    const index = lanes.indexOf(lane)
    const dashed = index >= LANE_COLOURS ? ' class="dashed"' : ''
    return `<li data-lane="${escapeHtml(lane)}"${dashed} style="--lane:var(--${laneRole(index)})">${escapeHtml(lane)}</li>`
  })
  return `<ul class="legend" aria-hidden="true">${items.join('')}</ul>`
}

/** Words of a caption or note; options of the command stay on one line. */
const prose = (text: string): string => escapeHtml(text).replace(/(?<!\S)--[a-z-]+( \d+)?/g, '<span class="option">$&</span>')

// ---- tables

function tableHtml({ title, columns, rows, laneColumn, bars, notes = [] }: ReportTable, { lanes }: ChartContext): string {
  const align = (column: number): string => (columns[column]!.align === 'right' ? 'right' : '')
  const head = columns.map(({ heading }, column) => `<th scope="col" class="${align(column)}">${escapeHtml(heading)}</th>`).join('')
  const cell = (text: string, row: number, column: number): string => {
    const bar = bars?.[column]?.[row]
    const length = bar === undefined || bar === null ? '' : ` style="--bar:${(100 * Math.min(1, bar)).toFixed(1)}%"`
    return `<td class="${align(column)}${length ? ' bar' : ''}"${length}>${align(column) === '' ? escapeHtml(text) : escapeHtml(text).replace(/ (±.*|\(.+ to .+\))$/, ' <span class="interval">$1</span>')}</td>`
  }
  const body = rows.map((row, i) => {
    const lane = laneColumn === undefined ? undefined : row[laneColumn]
    const known = lane === undefined ? -1 : lanes.indexOf(lane)
    const attributes = known === -1 ? '' : ` data-lane="${escapeHtml(lane!)}" style="--lane:var(--${laneRole(known)})"`
    // parameters of a policy begin a line rather than break in the middle
    const name = escapeHtml(row[0]!).replace(/[:,](?=\w)/g, '$&<wbr>')
    const first = `<th scope="row">${known === -1 ? name : `<span class="swatch"><span>${name}</span></span>`}</th>`
    return `<tr${attributes}>${first}${row
      .slice(1)
      .map((text, column) => cell(text, i, column + 1))
      .join('')}</tr>`
  })
  const table =
    rows.length === 0
      ? ''
      : `<div class="scroll"><table><caption>${escapeHtml(title)} ${WHOLE_RUN}</caption><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>`
  return `${table}${notes.map((note) => `<p class="notes">${prose(note)}</p>`).join('')}`
}

// ---- head and foot of the page

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`

function title({ record }: RunTables): string {
  return `${plural(record.lanes.length, 'policy', 'policies')} on ${basename(record.trace.file)}, ${record.machine.name}`
}

function masthead(run: RunTables, reports: readonly NamedReport[]): string {
  const { record } = run
  const { trace, machine } = record
  const lanes = record.lanes.map(({ label }) => label)
  const [headline, ...others] = findings(run)
  const sentence = ({ lane, text }: { lane?: string; text: string }): string => `${lane === undefined ? '' : `<b>${escapeHtml(lane)}</b> `}${escapeHtml(text)}`
  const item = (finding: { lane?: string; text: string }): string => {
    const index = finding.lane === undefined ? -1 : lanes.indexOf(finding.lane)
    return `<li${index === -1 ? '' : ` style="--lane:var(--${laneRole(index)})"`}>${sentence(finding)}</li>`
  }
  const warned = caveats(record)
  const links = reports.map(({ name, report }) => `<a href="#${escapeHtml(name)}">${escapeHtml(report.title)}</a>`)
  return `<header class="masthead"><div>
<p class="kicker"><span>numareplay · page placement compared</span><button type="button" id="theme">light / dark</button></p>
<h1>${escapeHtml(basename(trace.file))} on ${escapeHtml(machine.name)}</h1>
<p class="facts">${masses(run)
    .map(([count, what]) => `<span><b>${count}</b> ${what}</span>`)
    .join('')}<span><b>${plural(lanes.length, 'policy', 'policies')}</b></span><span>baseline <b>${escapeHtml(record.baseline)}</b></span></p>
${headline ? `<p class="headline">${sentence(headline)}</p>` : ''}
<ul class="findings">${others.map(item).join('')}</ul>
${warned.length > 0 ? `<div class="caveats" role="note"><ul>${warned.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul></div>` : ''}
<nav class="contents" aria-label="Contents">${links.join('')}<a href="#provenance">Provenance</a></nav>
</div></header>`
}

function masses({ record: { trace, machine }, study }: RunTables): [string, string][] {
  if (study !== undefined && study.comparisons > 1) {
    const axes = study.varying.map(({ axis, values }): [string, string] => [formatCount(values.length), axis === 'epoch_ns' ? 'epochs' : plurals(axis)])
    return [[formatCount(study.points), 'points'], [formatCount(study.comparisons), 'comparisons'], ...axes]
  }
  return [
    [formatCount(trace.accesses), 'accesses'],
    [formatCount(trace.pages), 'pages'],
    [formatDuration(trace.timeLastNs - trace.timeFirstNs), 'recorded'],
    [String(machine.nodes.length), 'nodes'],
  ]
}

const plurals = (word: string): string => (word.endsWith('s') ? word : `${word}s`)

/** The one choice that all charts follow. */
function controls(run: RunTables, { lanes, edges, unit }: ChartContext): string {
  const chips = lanes.map(
    (lane, i) =>
      `<button type="button" class="chip" aria-pressed="true" data-index="${i}" title="${escapeHtml(lane)}: click to hide or show, shift-click to show it alone" style="--lane:var(--${laneRole(i)})"><span>${escapeHtml(lane)}</span></button>`,
  )
  const last = edges.length - 1
  const range = (id: string, label: string, value: number): string =>
    `<input type="range" id="${id}" aria-label="${label} of the time window" aria-valuetext="${edges[value]} ${unit}" min="0" max="${last}" step="1" value="${value}">`
  const timeWindow =
    last > 1
      ? `<div class="window" role="group" aria-label="Time window"><div id="navigator" title="Drag to choose a time window; click to show the whole run">${navigator(run, lanes)}<div id="brush"></div></div>
<div class="ranges">${range('window-from', 'Start', 0)}<output id="window-text" for="window-from window-to">whole run</output>${range('window-to', 'End', last)}</div></div>`
      : ''
  return `<div class="controls" role="region" aria-label="Choose policies and time window"><div>
<div class="chips" role="group" aria-label="Policies">${chips.join('')}<button type="button" id="reset" hidden>show all</button></div>
${timeWindow}
</div></div>`
}

/** Local share of every lane over the whole run, small: what the time window is chosen on. */
function navigator(run: RunTables, lanes: string[]): string {
  const grid = new TimeGrid(run)
  const last = grid.ends.at(-1) || 1
  const epochs = grid.sum(run.rows('epochs'), ['lane'], ['local', 'remote'])
  const lines = lanes.map((lane, i) => {
    const points = epochs
      .filter((row) => row['lane'] === lane && (row['local'] as number) + (row['remote'] as number) > 0)
      .map((row) => {
        const share = (row['local'] as number) / ((row['local'] as number) + (row['remote'] as number))
        return `${((1000 * (row['time'] as number)) / last).toFixed(1)},${(38 - 36 * share).toFixed(1)}`
      })
    return `<polyline data-lane="${escapeHtml(lane)}" points="${points.join(' ')}" style="stroke:var(--${laneRole(i)})"/>`
  })
  return `<svg viewBox="0 0 1000 40" preserveAspectRatio="none" aria-hidden="true">${lines.join('')}</svg>`
}

function footer({ record, study }: RunTables): string {
  const facts: [string, string][] = study?.facts ?? [...provenance(record), ['digest', record.trace.digest]]
  return `<footer id="provenance"><div>
<h2>Provenance</h2>
<dl>${facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('')}</dl>
<p>The same figures again: <button type="button" class="copy" data-copy="command">copy</button></p>
<pre id="command">${escapeHtml(commandLine(record.command))}</pre>
</div></footer>`
}
