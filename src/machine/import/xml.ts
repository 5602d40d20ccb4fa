/** Reads the XML that hwloc writes: elements, attributes, text. No entities but the five of XML, so none can expand. */
import { UserError } from '../../errors.ts'

export interface Element {
  name: string
  attributes: Map<string, string>
  text: string
  children: Element[]
}

const DEEPEST = 200

/** The root element. One pass, linear in the length of the text. */
export function parseXml(text: string, file: string): Element {
  const root: Element = { name: '', attributes: new Map(), text: '', children: [] }
  const open: Element[] = [root]
  let at = 0
  const fail = (problem: string): never => {
    throw new UserError(problem, { file, line: text.slice(0, at).split('\n').length, expected: 'XML as lstopo writes it' })
  }
  const skipTo = (end: string): void => {
    const found = text.indexOf(end, at)
    if (found === -1) fail(`the file ends before ${JSON.stringify(end)}`)
    at = found + end.length
  }
  while (at < text.length) {
    const next = text.indexOf('<', at)
    const content = text.slice(at, next === -1 ? text.length : next)
    if (content.trim() !== '') open[open.length - 1]!.text += content
    if (next === -1) break
    at = next
    if (text.startsWith('<!--', at)) skipTo('-->')
    else if (text.startsWith('<?', at)) skipTo('?>')
    else if (text.startsWith('<!', at)) {
      // <!DOCTYPE topology SYSTEM "hwloc2.dtd">, never with definitions of its own
      skipTo('>')
    } else if (text.startsWith('</', at)) {
      const start = at + 2
      skipTo('>')
      const name = text.slice(start, at - 1).trim()
      if (open.length < 2 || open.pop()!.name !== name) fail(`</${name.slice(0, 40)}> closes nothing`)
    } else {
      const { element, end, isClosed } = startTag(text, at, fail)
      at = end
      open[open.length - 1]!.children.push(element)
      if (!isClosed) open.push(element)
      if (open.length > DEEPEST) fail('elements nest too deeply')
    }
  }
  if (open.length > 1) fail(`the file ends inside <${open[open.length - 1]!.name}>`)
  const first = root.children[0]
  return first ?? fail('no XML element found')
}

const NAME = /[\w:.-]+/y
const BLANK = /\s*/y

function startTag(text: string, from: number, fail: (problem: string) => never): { element: Element; end: number; isClosed: boolean } {
  let at = from + 1
  const match = (pattern: RegExp): string => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0] ?? ''
    at += found.length
    return found
  }
  const element: Element = { name: match(NAME), attributes: new Map(), text: '', children: [] }
  if (element.name === '') fail('a tag without a name')
  for (;;) {
    match(BLANK)
    if (text[at] === '>') return { element, end: at + 1, isClosed: false }
    if (text.startsWith('/>', at)) return { element, end: at + 2, isClosed: true }
    const name = match(NAME)
    match(BLANK)
    if (name === '' || text[at] !== '=') fail(`an attribute of <${element.name.slice(0, 40)}> is not name="value"`)
    at++
    match(BLANK)
    const quote = text[at]
    const end = quote === '"' || quote === "'" ? text.indexOf(quote, at + 1) : -1
    if (end === -1) fail(`the value of attribute ${name.slice(0, 40)} has no end`)
    element.attributes.set(name, decode(text.slice(at + 1, end)))
    at = end + 1
  }
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

const decode = (text: string): string => text.replace(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => ENTITIES[name]!)

/** All elements below, in document order. */
export function* descendants(element: Element): Generator<Element> {
  for (const child of element.children) {
    yield child
    yield* descendants(child)
  }
}
