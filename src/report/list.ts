/** Reports are found by folder, as all plug-ins are; a user's own is a path. */
import { UserError } from '../errors.ts'
import { isPluginPath, listPlugins, loadPlugin, loadPluginFile } from '../plugins.ts'
import { type Report, type RunTables, SECTIONS, type Section } from './define.ts'

export interface NamedReport {
  name: string
  report: Report
}

/** Names of the shipped reports, ascending. */
export const listReports = (): string[] => listPlugins('reports')

export async function loadReport(name: string): Promise<NamedReport> {
  if (!isPluginPath(name)) return { name, report: await loadPlugin<Report>('reports', name, 'report') }
  const file = await loadPluginFile<Report>(name, 'report')
  if (typeof file.value.charts !== 'function' || typeof file.value.text !== 'function' || !(file.value.section in SECTIONS)) {
    throw new UserError('not a report', { file: name, expected: 'export default defineReport({ … })', hint: 'docs/reports.md has a complete example' })
  }
  return { name: file.name, report: file.value }
}

export const kindOf = ({ of }: Report): NonNullable<Report['of']> => of ?? 'run'

/** Of all reports, those that have something to say about the run. */
export const reportsFor = (run: RunTables, all: readonly NamedReport[]): NamedReport[] => all.filter(({ report }) => report.appliesTo?.(run) ?? true)

/** The named reports, or all of one kind; in reading order: by section, the summary first, then by name. */
export async function loadReports(names?: readonly string[], of: NonNullable<Report['of']> = 'run'): Promise<NamedReport[]> {
  const order = Object.keys(SECTIONS) as Section[]
  const rank = ({ name, report }: NamedReport): number => 2 * order.indexOf(report.section) + (name === 'summary' || name === 'study' ? 0 : 1)
  const all = await Promise.all((names ?? listReports()).map(loadReport))
  const loaded = all.filter(({ report }) => names !== undefined || kindOf(report) === of)
  return loaded.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}
