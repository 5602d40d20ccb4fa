/**
 * Intel Memory Latency Checker: `mlc --latency_matrix`, `mlc --bandwidth_matrix`, or the full print, which has both. Rows are
 * the nodes with cpus, so a machine with CXL memory gives a matrix that is wider than high.
 */
import { UserError } from '../../errors.ts'
import { type DumpReader, emptyFindings, type Findings, positive, quoted, Sparse, wholeNumber } from './findings.ts'

const FORMAT = 'Intel MLC'

export const mlc: DumpReader = {
  format: FORMAT,
  recognises: (text) => /Intel\(R\) Memory Latency Checker|^Measuring (?:idle latencies|Memory Bandwidths)/im.test(text),
  read,
}

type Section = 'random' | 'sequential' | 'bandwidth' | 'other'

function read(text: string, file: string): Findings {
  const found = emptyFindings(file, FORMAT)
  const matrices: Record<Section, Sparse> = { random: new Sparse(), sequential: new Sparse(), bandwidth: found.bandwidthGBps, other: new Sparse() }
  let section: Section = 'other'
  let columns: number[] | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const place = { file, line: index + 1 }
    const words = line.trim().split(/\s+/)
    const heading = sectionOf(line)
    if (heading) {
      section = heading
      columns = undefined
    } else if (section === 'other' || words[0] === '') {
      columns = undefined
    } else if (/^[A-Za-z]/.test(words[0]!)) {
      // `Numa node   0   1`; the words before the numbers vary with the version
      const ids = words.filter((word) => /^\d+$/.test(word))
      const isHeader = ids.length > 0 && words.slice(-ids.length).every((word) => /^\d+$/.test(word)) && /node|socket/i.test(line)
      columns = isHeader ? ids.map((id) => wholeNumber(id, { ...place, field: 'node' })) : undefined
    } else if (columns) {
      readRow(words, columns, matrices[section], section === 'bandwidth' ? 1000 : 1, line, place)
    }
  }
  const { random, sequential } = matrices
  found.readNs = random.isEmpty ? sequential : random
  found.latencies = 'measured'
  if (random.isEmpty && !sequential.isEmpty) found.warnings.push('latencies were measured with sequential accesses, which prefetchers make look lower')
  if (found.readNs.isEmpty && found.bandwidthGBps.isEmpty) {
    throw new UserError('no latency or bandwidth matrix found', { file, hint: 'Run mlc --latency_matrix and mlc --bandwidth_matrix' })
  }
  for (const node of [...found.readNs.ids(), ...found.bandwidthGBps.ids()]) found.nodes.add(node)
  return found
}

/** Version 3.10 and later name the access pattern; before, the latency matrix was measured with random accesses. */
function sectionOf(line: string): Section | undefined {
  if (/Measuring idle latencies/i.test(line)) return /sequential/i.test(line) ? 'sequential' : 'random'
  if (/Measuring Memory Bandwidths between nodes/i.test(line)) return 'bandwidth'
  return /^\s*(?:Measuring|Peak)\b/i.test(line) ? 'other' : undefined
}

function readRow(words: string[], columns: number[], matrix: Sparse, unit: number, line: string, place: { file: string; line: number }): void {
  const [row, ...cells] = words
  if (cells.length !== columns.length) {
    throw new UserError('row of the matrix is incomplete', { ...place, expected: `a node and ${columns.length} values`, got: quoted(line) })
  }
  const from = wholeNumber(row!, { ...place, field: 'node' })
  for (const [i, cell] of cells.entries()) {
    if (cell !== '-') matrix.set(from, columns[i]!, positive(cell, { ...place, field: `node ${from} to ${columns[i]}` }) / unit)
  }
}
