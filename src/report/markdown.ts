/** A report as Markdown: for issues, pull requests and wikis. Pictures are linked where they were written as files. */
import { basename } from 'node:path'
import { type ReportTable, type RunTables, SECTIONS, type Section } from './define.ts'
import { findings } from './findings.ts'
import type { NamedReport } from './list.ts'
import { caveats, commandLine, provenance } from './provenance.ts'

/** `pictureOf` answers the link of a chart's picture, if there is one. */
export function renderMarkdown(run: RunTables, reports: readonly NamedReport[], pictureOf: (report: string, chart: string) => string | undefined): string {
  const { record, study } = run
  const lines = [`# ${escaped(basename(record.trace.file))} on ${escaped(record.machine.name)}`, '']
  for (const { lane, text } of findings(run)) lines.push(`- ${lane === undefined ? '' : `**${escaped(lane)}** `}${escaped(text)}`)
  lines.push('')
  for (const text of caveats(record)) lines.push(`> ${escaped(text)}`, '')
  for (const section of Object.keys(SECTIONS) as Section[]) {
    const members = reports.filter(({ report }) => report.section === section)
    if (members.length > 0) lines.push(`## ${SECTIONS[section]}`, '')
    for (const { name, report } of members) {
      lines.push(`### ${escaped(report.title)}`, '', `*${escaped(report.question)}*`, '')
      for (const table of report.text(run)) lines.push(...markdownTable(table))
      for (const chart of report.charts(run)) {
        const picture = pictureOf(name, chart.name)
        if (picture !== undefined)
          lines.push(`![${escaped(chart.description)}](${encodeURI(picture)})`, '', escaped(`${chart.title}. ${chart.caption ?? ''}`.trim()), '')
      }
    }
  }
  lines.push(
    '## Provenance',
    '',
    '| | |',
    '| --- | --- |',
    ...(study?.facts ?? provenance(record)).map(([name, value]) => `| ${name} | ${escaped(value)} |`),
    '',
  )
  return `${[...lines, '```sh', commandLine(record.command).replaceAll('```', "'''"), '```'].join('\n')}\n`
}

export function markdownTable({ title, columns, rows, notes = [] }: ReportTable): string[] {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`
  const table = [
    `**${escaped(title)}**`,
    '',
    line(columns.map(({ heading }) => escaped(heading))),
    line(columns.map(({ align }) => (align === 'right' ? '---:' : ':---'))),
    ...rows.map((row) => line(row.map(escaped))),
    '',
  ]
  return [...(rows.length > 0 ? table : []), ...notes.flatMap((note) => [escaped(note), ''])]
}

/** Nothing in a name is markup: not of Markdown, not of HTML, and no line break. */
const escaped = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').replaceAll(/[\\`*_[\]<>|#~]/g, '\\$&')
