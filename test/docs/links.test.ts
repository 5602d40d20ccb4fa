/** Links in the documents lead somewhere: files that exist, headings that exist, and no reference-style link without its target. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const documents = ['README.md', 'CHANGELOG.md', ...['docs', 'notebooks', 'bench', 'traces/samples'].flatMap(markdownIn)]

function markdownIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name))
}

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')

/** As GitHub makes anchors of headings. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ +(.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

describe('links of', () => {
  for (const document of documents) {
    test(document, () => {
      const text = withoutCode(readFileSync(join(ROOT, document), 'utf8'))
      for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue
        const [path, anchor] = target!.split('#') as [string, string?]
        const file = path === '' ? join(ROOT, document) : resolve(ROOT, dirname(document), path)
        expect(existsSync(file), target).toBe(true)
        if (anchor !== undefined) expect(anchorsOf(readFileSync(file, 'utf8')), target).toContain(anchor)
      }
      expect([...text.matchAll(/\[[^\]]*\.md\](?!\()/g)].map(String)).toEqual([])
    })
  }
})
