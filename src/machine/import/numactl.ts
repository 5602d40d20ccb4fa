/** `numactl --hardware` (numactl(8)): nodes, cpus, sizes in MiB, distances. */
import { UserError } from '../../errors.ts'
import { parseList } from '../../units.ts'
import { type DumpReader, emptyFindings, type Findings, quoted, wholeNumber } from './findings.ts'

const FORMAT = 'numactl --hardware'

export const numactl: DumpReader = {
  format: FORMAT,
  recognises: (text) => /^ *available: \d+ nodes?\b/m.test(text),
  read,
}

function read(text: string, file: string): Findings {
  const found = emptyFindings(file, FORMAT)
  /** Ids of the columns of the distance table, once its header was seen. */
  let columns: number[] | undefined
  for (const [index, indented] of text.split('\n').entries()) {
    const line = indented.trim()
    const place = { file, line: index + 1 }
    const available = /^available: \d+ nodes? \(([\d,-]+)\)/.exec(line)
    const cpus = /^node (\d+) cpus:([\d ]*)$/.exec(line)
    const size = /^node (\d+) size: (\d+) MB$/.exec(line)
    const row = /^(\d+):([\d ]*)$/.exec(line)
    if (available) {
      for (const node of parseList(available[1]!, `${file}:${place.line}: nodes`)) found.nodes.add(node)
      found.listsAllNodes = true
    } else if (cpus) {
      const node = wholeNumber(cpus[1]!, { ...place, field: 'node' })
      found.cpus.set(
        node,
        words(cpus[2]!).map((cpu) => wholeNumber(cpu, { ...place, field: 'cpu' }, 1 << 20)),
      )
    } else if (size) {
      // numactl prints MB and means 2^20 bytes: numactl.c shifts by 20
      const mebibytes = wholeNumber(size[2]!, { ...place, field: 'size' }, 2 ** 30)
      found.bytes.set(wholeNumber(size[1]!, { ...place, field: 'node' }), mebibytes * 2 ** 20)
    } else if (/^node( +\d+)+$/.test(line)) {
      columns = words(line.slice(4)).map((node) => wholeNumber(node, { ...place, field: 'node' }))
    } else if (row && columns) {
      const distances = words(row[2]!)
      if (distances.length !== columns.length) {
        throw new UserError('row of the distance table is incomplete', { ...place, expected: `${columns.length} distances`, got: quoted(line) })
      }
      const node = wholeNumber(row[1]!, { ...place, field: 'node' })
      for (const [i, to] of columns.entries()) found.distance.set(node, to, wholeNumber(distances[i]!, { ...place, field: 'distance' }, 255))
    }
  }
  for (const node of [...found.cpus.keys(), ...found.bytes.keys()]) found.nodes.add(node)
  return found
}

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean)
