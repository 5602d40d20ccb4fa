/**
 * Runs, charts, tables and machines show themselves in Jupyter: `await show(run)`. Each is a bundle of media types; JupyterLab
 * draws the Vega-Lite, exports and GitHub take the picture or HTML, and a terminal prints the text.
 */
import { type Cell, type Row, Table } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import { describeMachine, type Machine } from '../machine/index.ts'
import { bindChart, chartContext, comparison, drawPng, loadReport, type ReportTable, type RunTables, renderTable } from '../report/index.ts'

export type MimeBundle = Record<string, unknown>

/** A chart of a report over a run, complete with its data. */
export class Chart {
  readonly spec: Record<string, unknown>
  readonly title: string

  constructor(title: string, spec: Record<string, unknown>) {
    this.title = title
    this.spec = spec
  }
}

/** Chart `name` of a shipped report or of ./mine.ts; the first one when not named. */
export async function chart(run: RunTables, report: string, name?: string): Promise<Chart> {
  const charts = (await loadReport(report)).report.charts(run)
  const found = name === undefined ? charts[0] : charts.find((one) => one.name === name)
  if (!found) throw new UserError(`report ${report} has no chart ${name ?? ''}`, { expected: charts.map((one) => one.name).join(', ') })
  return new Chart(found.title, bindChart(found, chartContext(run), { scheme: 'light', framed: true }))
}

export type Shown = RunTables | Chart | Machine | Table | Row[] | ReportTable

export async function bundleOf(shown: Shown): Promise<MimeBundle> {
  if (shown instanceof Chart) return chartBundle(shown)
  if (shown instanceof Table) return tableBundle(ofRows(shown.rows()))
  if (Array.isArray(shown)) return tableBundle(ofRows(shown))
  if ('record' in shown) return tableBundle(comparison(shown))
  if ('columns' in shown) return tableBundle(shown)
  const text = describeMachine(shown)
  return { 'text/html': `<pre style="white-space:pre;overflow-x:auto">${escaped(text)}</pre>`, 'text/plain': text }
}

/** Lets go of the processor until Jupyter has taken what was sent: a cell that ends at once can lose its last display. */
const SETTLE_MS = 100

/** Displays in Deno's kernel; elsewhere prints the text. */
export async function show(...all: Shown[]): Promise<void> {
  for (const one of all) {
    const bundle = await bundleOf(one)
    const { Deno } = globalThis as { Deno?: { jupyter?: { display(bundle: MimeBundle, options: { raw: true }): Promise<void> } } }
    if (Deno?.jupyter) {
      await Deno.jupyter.display(bundle, { raw: true })
      await new Promise((done) => setTimeout(done, SETTLE_MS))
    } else process.stdout.write(`${bundle['text/plain']}\n`)
  }
}

/** JupyterLab's renderer knows Vega-Lite 5; charts use nothing newer. */
async function chartBundle({ spec, title }: Chart): Promise<MimeBundle> {
  return {
    'application/vnd.vegalite.v5+json': { ...spec, $schema: 'https://vega.github.io/schema/vega-lite/v5.json' },
    // not SVG: nbconvert takes its lines out as if they were harmful
    'image/png': Buffer.from(await drawPng(spec)).toString('base64'),
    'text/plain': title,
  }
}

function tableBundle(table: ReportTable): MimeBundle {
  const cells = (tag: string, texts: string[]): string =>
    texts.map((text, i) => `<${tag} style="text-align:${table.columns[i]!.align}">${escaped(text)}</${tag}>`).join('')
  const head = `<thead><tr>${cells(
    'th',
    table.columns.map(({ heading }) => heading),
  )}</tr></thead>`
  const body = table.rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('')
  const notes = (table.notes ?? []).map((note) => `<p>${escaped(note)}</p>`).join('')
  return {
    'text/html': `<table><caption>${escaped(table.title)}</caption>${head}<tbody>${body}</tbody></table>${notes}`,
    'text/plain': renderTable(table, { width: 120, colour: false }),
  }
}

/** Rows as they are: numbers right, unknown figures as a dash. */
function ofRows(rows: Row[]): ReportTable {
  const names = Object.keys(rows[0] ?? {})
  const text = (value: Cell | undefined): string =>
    value === null || value === undefined ? '—' : typeof value === 'number' ? String(Math.round(value * 1000) / 1000) : String(value)
  return {
    title: '',
    columns: names.map((name) => ({ heading: name, align: rows.some((row) => typeof row[name] === 'number') ? 'right' : 'left' })),
    rows: rows.map((row) => names.map((name) => text(row[name]))),
    notes: rows.length === 0 ? ['No rows.'] : [],
  }
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
