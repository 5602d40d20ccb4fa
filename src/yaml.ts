/** YAML and JSON files checked with zod: every complaint names file, line, column and field. JSON is read by the same parser. */
import { readFileSync, statSync } from 'node:fs'
import { type Document, isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { UserError } from './errors.ts'
import * as z from './schema.ts'

export { Document, isMap, isSeq, type Node, visit } from 'yaml'

/** Settings are small; whoever names a trace by mistake should not wait for it to be parsed. */
const LARGEST_FILE = 4 << 20

/** Reads and checks a YAML or JSON file. */
export function readYaml<S extends z.ZodType>(file: string, schema: S): z.output<S> {
  return parseYaml(readText(file), file, schema)
}

/** Checks YAML or JSON text; `file` is the name used in messages. */
export function parseYaml<S extends z.ZodType>(text: string, file: string, schema: S): z.output<S> {
  return parseLocatedYaml(text, file, schema).value
}

/** Where in a file a complaint belongs: the parts of a UserError. */
export interface Place {
  file: string
  line?: number
  column?: number
  field?: string
}

export interface LocatedYaml<T> {
  value: T
  /** Place of a field, such as `['traces', 0]`, for complaints that only its use brings up. */
  at(path: PropertyKey[]): Place
}

export function readLocatedYaml<S extends z.ZodType>(file: string, schema: S): LocatedYaml<z.output<S>> {
  return parseLocatedYaml(readText(file), file, schema)
}

export function parseLocatedYaml<S extends z.ZodType>(text: string, file: string, schema: S): LocatedYaml<z.output<S>> {
  const lineCounter = new LineCounter()
  const { document, value } = parseText(text, file, lineCounter)
  const result = schema.safeParse(value)
  if (result.success) {
    const at = (path: PropertyKey[]): Place => {
      const offset = offsetOf({ path }, document)
      return { file, ...(offset === undefined ? {} : position(offset, lineCounter)), field: formatPath(path) || undefined }
    }
    return { value: result.data, at }
  }
  const [first, ...others] = result.error.issues
  const offset = offsetOf(first!, document)
  throw new UserError({
    ...wording(first!.message),
    file,
    ...(offset === undefined ? {} : position(offset, lineCounter)),
    field: formatPath(first!.path) || undefined,
    hint: others.length ? `${others.length} more ${others.length === 1 ? 'thing is' : 'things are'} wrong below` : undefined,
  })
}

/** A schema for a value with units, written as text or as a bare number: `quantity(parseSize)` takes `64GiB`. */
export function quantity<T>(parse: (text: string) => T) {
  return z.union([z.string(), z.number()], { error: 'expected text such as 64GiB, 83ns or 10%, or a number' }).transform((value, context): T => {
    try {
      return parse(String(value))
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      context.addIssue({ code: 'custom', message: new UserError({ ...error.parts, field: undefined }).message })
      return z.NEVER
    }
  })
}

function readText(file: string): string {
  try {
    const info = statSync(file)
    if (info.isDirectory()) throw new UserError('is a folder', { file, expected: 'a YAML or JSON file' })
    if (info.size > LARGEST_FILE) throw new UserError('too large for a settings file', { file, expected: 'at most 4 MiB', got: `${info.size} bytes` })
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof UserError) throw error
    const code = (error as NodeJS.ErrnoException).code
    throw new UserError(code === 'ENOENT' ? 'file not found' : `cannot be read (${code})`, { file, hint: 'The path is taken from the current folder' })
  }
}

function parseText(text: string, file: string, lineCounter: LineCounter): { document: Document.Parsed; value: unknown } {
  let document: Document.Parsed
  try {
    document = parseDocument(text, { lineCounter, prettyErrors: false })
    const wrong = document.errors[0]
    if (wrong) throw new UserError(wrong.message, { file, ...position(wrong.pos[0], lineCounter) })
    return { document, value: document.toJS() }
  } catch (error) {
    if (error instanceof UserError) throw error
    // nesting beyond the stack, or aliases that would unfold to a huge document
    throw new UserError(`not readable as YAML: ${(error as Error).message}`, { file })
  }
}

function position(offset: number, lineCounter: LineCounter): { line: number; column: number } {
  const { line, col } = lineCounter.linePos(offset)
  return { line, column: col }
}

/** zod's words for the commonest mistake in ours. */
function wording(message: string): { problem: string; expected?: string; got?: string } {
  const [, expected, got] = /^Invalid input: expected (.+), received (.+)$/.exec(message) ?? []
  if (expected === undefined) return { problem: message }
  return got === 'undefined' ? { problem: 'is missing', expected } : { problem: 'is of the wrong kind', expected, got }
}

/** Offset in the text of what the issue is about: the deepest node on its path, or the key that nobody knows. */
function offsetOf(issue: Pick<z.core.$ZodIssue, 'path'> & { code?: string; keys?: string[] }, document: Document.Parsed): number | undefined {
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys![0]!] : issue.path
  let node: Node | null = document.contents
  let offset = node?.range?.[0]
  for (const [depth, segment] of path.entries()) {
    if (isSeq(node)) {
      const item: unknown = node.items[Number(segment)]
      node = isNode(item) ? item : null
    } else if (isMap(node)) {
      const pair = node.items.find((one) => isPair(one) && isScalar(one.key) && String(one.key.value) === String(segment))
      const isUnknownKey = issue.code === 'unrecognized_keys' && depth === path.length - 1
      node = (isUnknownKey ? pair?.key : pair?.value) as Node | null
    } else {
      return offset
    }
    offset = node?.range?.[0] ?? offset
  }
  return offset
}

/** `['nodes', 0, 'memory']` -> `nodes[0].memory` */
function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, segment) => (typeof segment === 'number' ? `${text}[${segment}]` : text ? `${text}.${String(segment)}` : String(segment)),
    '',
  )
}
