/** File patterns of a plan: `*`, `?`, `[a-z]`, `{a,b}` within a name, `**` across folders. Matches come sorted; links to folders are not followed. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors.ts'

export const isGlob = (text: string): boolean => /[*?[\]{}]/.test(text)

/** Files below `folder` that match, as `folder`-relative paths with `/`, ascending by code unit. */
export function globFiles(pattern: string, folder: string): string[] {
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.')
  const found = new Set<string>()
  const root = pattern.startsWith('/') ? '/' : ''
  walk(root, parts, folder, found)
  return [...found].sort((a, b) => (a < b ? -1 : 1))
}

function walk(prefix: string, [part, ...rest]: string[], folder: string, found: Set<string>): void {
  const here = prefix === '' ? folder : prefix.startsWith('/') ? prefix : join(folder, prefix)
  const child = (name: string): string => (prefix === '' || prefix === '/' ? `${prefix}${name}` : `${prefix}/${name}`)
  if (part === undefined) return
  if (part === '**') {
    walk(prefix, rest.length > 0 ? rest : ['*'], folder, found)
    for (const entry of entries(here)) if (entry.isDirectory() && !entry.name.startsWith('.')) walk(child(entry.name), [part, ...rest], folder, found)
    return
  }
  if (!isGlob(part)) {
    if (rest.length > 0) walk(child(part), rest, folder, found)
    else if (existsSync(join(here, part))) found.add(child(part))
    return
  }
  const matches = matcher(part)
  for (const entry of entries(here)) {
    if (!matches(entry.name) || (entry.name.startsWith('.') && !part.startsWith('.'))) continue
    if (rest.length > 0) {
      if (entry.isDirectory()) walk(child(entry.name), rest, folder, found)
    } else if (!entry.isDirectory()) found.add(child(entry.name))
  }
}

function entries(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}

/** Does a whole text match a pattern? Without regular expressions of the user's: linear in text times pattern. */
export function matcher(pattern: string): (text: string) => boolean {
  const alternatives = braces(pattern).map(tokens)
  return (text) => alternatives.some((one) => matchTokens(one, text))
}

const MOST_ALTERNATIVES = 1000

/** `a{b,c}` -> [ab, ac]. */
function braces(pattern: string): string[] {
  const groups = [...pattern.matchAll(/\{([^{}]*)\}/g)].map(([, inside]) => inside!.split(','))
  if (groups.reduce((product, { length }) => product * length, 1) > MOST_ALTERNATIVES) {
    throw new UserError('too many alternatives in a pattern', { expected: `at most ${MOST_ALTERNATIVES}`, got: JSON.stringify(pattern.slice(0, 60)) })
  }
  const texts = pattern.split(/\{[^{}]*\}/)
  return groups.reduce((heads, group, i) => heads.flatMap((head) => group.map((choice) => head + choice + texts[i + 1]!)), [texts[0]!])
}

type Token = { kind: 'any' } | { kind: 'one'; test: (char: string) => boolean }

function tokens(pattern: string): Token[] {
  const list: Token[] = []
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!
    const close = char === '[' ? pattern.indexOf(']', i + 2) : -1
    if (char === '*') list.push({ kind: 'any' })
    else if (char === '?') list.push({ kind: 'one', test: () => true })
    else if (close > 0) {
      list.push({ kind: 'one', test: charClass(pattern.slice(i + 1, close)) })
      i = close
    } else list.push({ kind: 'one', test: (other) => other === char })
  }
  return list
}

function charClass(text: string): (char: string) => boolean {
  const negated = text.startsWith('!') || text.startsWith('^')
  const body = negated ? text.slice(1) : text
  const ranges: [string, string][] = []
  for (let i = 0; i < body.length; i++) {
    const isRange = body[i + 1] === '-' && i + 2 < body.length
    ranges.push([body[i]!, isRange ? body[i + 2]! : body[i]!])
    if (isRange) i += 2
  }
  return (char) => ranges.some(([low, high]) => low <= char && char <= high) !== negated
}

/** Greedy with one point of return: the last `*` seen. */
function matchTokens(list: Token[], text: string): boolean {
  let t = 0
  let back = -1
  let backAt = 0
  let i = 0
  while (i < text.length) {
    const token = list[t]
    if (token?.kind === 'one' && token.test(text[i]!)) {
      t++
      i++
    } else if (token?.kind === 'any') {
      back = t++
      backAt = i
    } else if (back >= 0) {
      t = back + 1
      i = ++backAt
    } else return false
  }
  while (list[t]?.kind === 'any') t++
  return t === list.length
}
