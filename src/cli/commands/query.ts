import { UserError } from '../../errors.ts'
import { VERSION } from '../../package.ts'
import { query } from '../../query/index.ts'
import { csv, renderTable, terminalOptions } from '../../report/index.ts'
import { defineCommand, once, printJson } from '../command.ts'

export default defineCommand({
  command: 'query <run..>',
  describe: 'Ask run folders and sweep stores in SQL (DuckDB)',
  builder: (args) =>
    args
      .positional('run', { type: 'string', array: true, describe: "run folders, sweep stores or gathered data sets, and last the SQL: 'select …'" })
      .option('format', {
        type: 'string',
        choices: ['table', 'csv', 'json'],
        default: 'table',
        requiresArg: true,
        coerce: once('format'),
        describe: 'how rows are printed',
      })
      .option('json', { type: 'boolean', describe: 'one JSON document on stdout: --format json' })
      .example("$0 query runs/a runs/b 'select run, lane, mean_latency_ns from summary order by 3'", 'two runs side by side')
      .example("$0 query runs/a 'show tables'", 'what there is to ask; docs/run-folder-tables.md has the columns'),
  async handler(args) {
    const words = args['run'] as string[]
    if (words.length < 2) throw new UserError("Name run folders, then the SQL in quotes: numareplay query runs/a 'select * from summary'")
    const { columns, rows } = await query(words.slice(0, -1), words.at(-1)!)
    const names = columns.map(({ name }) => name)
    const objects = rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]!])))
    if (args['json'] || args['format'] === 'json') printJson({ schema: 'numareplay/query/1', version: VERSION, columns, rows: objects })
    else if (args['format'] === 'csv') process.stdout.write(csv(names, objects))
    else {
      const table = {
        title: '',
        columns: columns.map(({ name, type }) => ({ heading: name, align: /INT|DOUBLE|FLOAT|DECIMAL/.test(type) ? ('right' as const) : ('left' as const) })),
        rows: rows.map((row) => row.map((value) => (value === null ? '—' : String(value)))),
        notes: rows.length === 0 ? ['No rows.'] : [],
      }
      process.stdout.write(`${renderTable(table, terminalOptions())}\n`)
    }
    return undefined
  },
})
