/** Writes machine files, as YAML for people or JSON; whole or not at all. */
import { randomBytes } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { UserError } from '../errors.ts'
import { Document, isMap, isSeq, type Node, visit } from '../yaml.ts'
import type { MachineDocument } from './machine-file.ts'

/** Text of a machine file: rows of matrices and nodes stay on one line each. */
export function machineText(document: MachineDocument, format: 'yaml' | 'json'): string {
  if (format === 'json') return `${json(document, '')}\n`
  const yaml = new Document(document)
  visit(yaml, {
    Collection(_, node) {
      if (isRow(node)) node.flow = true
    },
  })
  return yaml.toString({ lineWidth: 0, nullStr: '~', flowCollectionPadding: true })
}

/** Writes `machine.yaml` or `machine.json`, by the name's ending. */
export function writeMachine(path: string, document: MachineDocument): void {
  const format = { '.yaml': 'yaml', '.yml': 'yaml', '.json': 'json' }[extname(path).toLowerCase()] as 'yaml' | 'json' | undefined
  if (!format) throw new UserError('a machine file is YAML or JSON', { file: path, expected: 'a name that ends in .yaml or .json' })
  const temporary = join(dirname(path), `.${basename(path)}.tmp-${randomBytes(4).toString('hex')}`)
  try {
    writeFileSync(temporary, machineText(document, format))
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw new UserError(`cannot be written (${(error as NodeJS.ErrnoException).code})`, { file: path })
  }
}

/** A matrix row, or a node: what reads best on one line. */
function isRow(node: Node): boolean {
  if (isSeq(node))
    return node.items.length > 0 && node.items.every((item) => typeof (item as { value?: unknown }).value !== 'string' && !isSeq(item) && !isMap(item))
  return isMap(node) && node.has('id')
}

function json(value: unknown, indent: string): string {
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    if (value.every((one) => one === null || typeof one === 'number')) return `[${value.map((one) => JSON.stringify(one)).join(', ')}]`
    return `[\n${value.map((one) => inner + json(one, inner)).join(',\n')}\n${indent}]`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).map(([key, one]) => [JSON.stringify(key), one] as const)
  if ('id' in value) return `{ ${entries.map(([key, one]) => `${key}: ${JSON.stringify(one)}`).join(', ')} }`
  return `{\n${entries.map(([key, one]) => `${inner}${key}: ${json(one, inner)}`).join(',\n')}\n${indent}}`
}
