/** `machine('skx-cl-2s')` or `machine('./mine.yaml')`: presets by name, files by path. One preset is one file in presets/. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { closest, UserError } from '../errors.ts'
import { PACKAGE_ROOT } from '../package.ts'
import { parseSize } from '../units.ts'
import { parseYaml, readYaml } from '../yaml.ts'
import { buildMachine } from './build.ts'
import type { Machine } from './machine.ts'
import { MachineFile } from './machine-file.ts'

const PRESETS = join(PACKAGE_ROOT, 'src/machine/presets')

export interface Preset {
  name: string
  aliases: string[]
  machine: Machine
}

/** All presets, by name. */
export function presets(): Preset[] {
  return presetNames().map((name) => {
    const file = readYaml(presetPath(name), MachineFile)
    return { name, aliases: file.aliases, machine: buildMachine(name, file) }
  })
}

/** A preset by name or alias, or a machine file by path. */
export function machine(nameOrPath: string): Machine {
  if (presetNames().includes(nameOrPath)) return machineFile(presetPath(nameOrPath), nameOrPath)
  if (/[\\/]/.test(nameOrPath) || /\.(ya?ml|json)$/i.test(nameOrPath) || existsSync(nameOrPath)) return machineFile(nameOrPath)
  const aliases = presetAliases()
  const target = aliases.get(nameOrPath)
  if (target !== undefined) return machineFile(presetPath(target), target)
  const near = closest(nameOrPath, [...presetNames(), ...aliases.keys()])
  throw new UserError(`unknown machine ${JSON.stringify(nameOrPath)}`, {
    expected: 'a preset or the path of a machine file',
    hint: near ? `Did you mean ${near}?` : 'numareplay machine list shows the presets',
  })
}

/** Text of a machine file; `file` is its name in messages. */
export function parseMachine(text: string, file: string): Machine {
  return buildMachine(basename(file, extname(file)), parseYaml(text, file, MachineFile))
}

function machineFile(path: string, name = basename(path, extname(path))): Machine {
  return buildMachine(name, readYaml(path, MachineFile))
}

const presetNames = (): string[] =>
  readdirSync(PRESETS)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort()

/** Alias -> preset. Reads one line of each preset: checking all of them takes a noticeable part of a second. */
function presetAliases(): Map<string, string> {
  return new Map(
    presetNames().flatMap((name) => {
      const aliases = /^aliases: \[(.*)\]$/m.exec(readFileSync(presetPath(name), 'utf8'))?.[1]
      return aliases === undefined ? [] : aliases.split(', ').map((alias): [string, string] => [alias, name])
    }),
  )
}

const presetPath = (name: string): string => join(PRESETS, `${name}.yaml`)

/** The machine with other memory sizes, for capacity studies: `0=2MiB,1=4GiB`, by node id. */
export function withMemory(machine: Machine, spec: string): Machine {
  const bytes = new Map<number, number>()
  for (const part of spec.split(',')) {
    const match = /^\s*(\d+)\s*=\s*(.+)$/.exec(part)
    if (!match) throw new UserError('not a memory size by node', { field: 'memory', expected: 'NODE=SIZE,… such as 0=2MiB,1=4GiB', got: JSON.stringify(part) })
    const id = Number(match[1])
    if (!machine.nodes.some((node) => node.id === id)) {
      throw new UserError(`machine ${machine.name} has no node ${id}`, {
        field: 'memory',
        expected: `one of ${machine.nodes.map((node) => node.id).join(', ')}`,
      })
    }
    if (bytes.has(id)) throw new UserError(`node ${id} is given twice`, { field: 'memory' })
    const size = parseSize(match[2]!, 'memory')
    bytes.set(id, size - (size % 4096))
  }
  const nodes = machine.nodes.map((node) => ({ ...node, bytes: bytes.get(node.id) ?? node.bytes }))
  if (nodes.every((node) => node.bytes === 0)) throw new UserError('no node would have memory', { field: 'memory', got: JSON.stringify(spec) })
  return { ...machine, nodes, notes: [...(machine.notes ?? []), `memory set to ${spec}`] }
}
