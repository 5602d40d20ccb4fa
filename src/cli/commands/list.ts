import { VERSION } from '../../package.ts'
import { listPlugins, loadPlugin } from '../../plugins.ts'
import { kebabCase, listPolicies, loadPolicy } from '../../policy/index.ts'
import { listWorkloads, loadWorkload } from '../../trace/index.ts'
import { defineCommand, printJson } from '../command.ts'
import { twoColumns } from '../two-columns.ts'

const KINDS = ['policies', 'formats', 'reports', 'workloads'] as const
type Kind = (typeof KINDS)[number]

interface Entry {
  name: string
  about: string
  source?: string
  params?: { name: string; default: string; about: string }[]
}

export default defineCommand({
  command: 'list <kind>',
  describe: 'What there is: policies, formats, reports, workloads',
  builder: (args) =>
    args
      .positional('kind', { choices: KINDS, describe: 'what to list' })
      .option('json', { type: 'boolean', describe: 'one JSON document' })
      .example('numareplay list policies', 'policies with their parameters and sources'),
  async handler({ kind, json }) {
    const entries = await ENTRIES[kind as Kind]()
    if (json) {
      printJson({ schema: 'numareplay/list/1', version: VERSION, kind, entries })
      return 0
    }
    const rows = entries.flatMap(({ name, about, source, params }): [string, string][] => [
      [name, about],
      ...(source ? [['', `source: ${source}`] as [string, string]] : []),
      ...(params ?? []).map((param): [string, string] => ['', `  ${param.name}=${param.default}  ${param.about}`]),
    ])
    process.stdout.write(`${twoColumns(['name', 'about'], rows)}\n`)
    return 0
  },
})

const ENTRIES: Record<Kind, () => Promise<Entry[]>> = {
  policies: () =>
    all(listPolicies(), async (name) => {
      const { definition } = await loadPolicy(name)
      const params = Object.entries(definition.params ?? {}).map(([key, { example, about }]) => ({ name: kebabCase(key), default: example, about }))
      return { name, about: definition.about, source: definition.paper, params }
    }),
  formats: () => all(listPlugins('traces'), async (name) => ({ name, about: (await loadPlugin<{ about: string }>('traces', name, 'format')).about })),
  reports: () => all(listPlugins('reports'), async (name) => ({ name, about: (await loadPlugin<{ question: string }>('reports', name, 'report')).question })),
  workloads: () =>
    all(listWorkloads(), async (name) => {
      const { workload } = await loadWorkload(name)
      const params = Object.entries(workload.params).map(([key, { example, about }]) => ({ name: key, default: example, about }))
      return { name, about: workload.about, params }
    }),
}

const all = (names: string[], entry: (name: string) => Promise<Entry>): Promise<Entry[]> => Promise.all(names.map(entry))
