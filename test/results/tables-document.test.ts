/** docs/run-folder-tables.md is the schema in words; `npx vitest run test/results --update` writes it anew. */
import { expect, test } from 'vitest'
import { RUN_SCHEMA, TABLES } from '../../src/results/index.ts'

test('docs/run-folder-tables.md lists every table and column', async () => {
  const lines = [`# Tables of a run folder`, '', `Schema \`${RUN_SCHEMA}\`. Generated from src/results/schema.ts.`, '']
  for (const { name, about, columns } of TABLES) {
    lines.push(`## ${name}`, '', `${about}.`, '', '| Column | Type | Unit | Meaning |', '| --- | --- | --- | --- |')
    for (const column of columns) lines.push(`| \`${column.name}\` | ${column.type} | ${column.unit} | ${column.about.replaceAll('|', '\\|')} |`)
    lines.push('')
  }
  await expect(lines.join('\n')).toMatchFileSnapshot('../../docs/run-folder-tables.md')
})
