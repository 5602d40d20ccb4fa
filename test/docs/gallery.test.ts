/** docs/gallery.md shows every report: `node .ci/gallery.mjs` draws it anew. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listReports } from '../../src/report/index.ts'
import { ROOT } from '../cli/run.ts'

const text = readFileSync(join(ROOT, 'docs/gallery.md'), 'utf8')
const shown = [...text.matchAll(/\]\(gallery\/([^)]+)\)/g)].map(([, file]) => file!)

test.each(listReports())('%s has its command and a picture', (name) => {
  expect(text).toMatch(new RegExp(`numareplay report (RUN|STORE) -r ${name}\``))
  expect(shown.filter((file) => file.startsWith(`${name}-`))).not.toEqual([])
})

test('pictures and links are the same', () => {
  expect(readdirSync(join(ROOT, 'docs/gallery')).sort()).toEqual([...shown].sort())
})
