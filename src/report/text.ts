/** Tables for terminals: aligned, no wider than the terminal, colour only where it is wanted. */
import { stripVTControlCharacters } from 'node:util'
import Table from 'cli-table3'
import type { ReportTable } from './define.ts'

export interface TextOptions {
  /** Columns of the terminal. */
  width: number
  colour: boolean
}

/** Width of a pipe or file, and of terminals that do not say. */
const DEFAULT_WIDTH = 160
/** Names are cut in the middle before a table is split. */
const LEAST_NAME_WIDTH = 20
const GAP = 2
/** Share of the terminal that a column beside the first may take. */
const WIDEST = 0.6

/** NO_COLOR (https://no-color.org) and FORCE_COLOR are obeyed; else colour goes to terminals only. */
export function terminalOptions(stream: NodeJS.WriteStream = process.stdout): TextOptions {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  const forced = FORCE_COLOR !== undefined && FORCE_COLOR !== '0'
  return { width: stream.columns ?? DEFAULT_WIDTH, colour: !NO_COLOR && (forced || (stream.isTTY === true && TERM !== 'dumb')) }
}

const STYLE = { bold: [1, 22], dim: [2, 22], yellow: [33, 39] } as const

export function styled(text: string, style: keyof typeof STYLE, { colour }: TextOptions): string {
  return colour ? `\x1b[${STYLE[style][0]}m${text}\x1b[${STYLE[style][1]}m` : text
}

/** Control characters in names must not reach the terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}/gu, '�')
}

export function renderTable(table: ReportTable, options: TextOptions): string {
  const cells = [table.columns.map(({ heading }) => heading), ...table.rows].map((row) => row.map(printable))
  const widths = table.columns.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  // Long texts beside it must leave it room
  for (let column = 1; column < widths.length; column++) widths[column] = Math.min(widths[column]!, Math.floor(WIDEST * options.width))
  // The first column names the row: it gives way where that saves a split, and is repeated when the rest needs several tables
  const others = widths.slice(1).reduce((sum, width) => sum + width + GAP, 0)
  const room = options.width - others
  const beside = options.width - Math.max(0, ...widths.slice(1)) - GAP
  widths[0] = Math.min(widths[0]!, room >= LEAST_NAME_WIDTH ? room : Math.max(8, Math.min(beside, Math.max(LEAST_NAME_WIDTH, Math.floor(options.width / 2)))))
  const blocks = split(widths, options.width).map((columns) => renderColumns(table, cells, columns, widths, options))
  const notes = (table.notes ?? []).map((note) => wrapped(printable(note), options.width))
  return [...(table.title ? [styled(printable(table.title), 'bold', options)] : []), ...(table.rows.length > 0 ? [blocks.join('\n\n')] : []), ...notes].join(
    '\n',
  )
}

/** Columns that fit side by side; each group starts with column 0. */
function split(widths: readonly number[], limit: number): number[][] {
  const groups: number[][] = [[0]]
  let used = widths[0]!
  for (let column = 1; column < widths.length; column++) {
    if (used + GAP + widths[column]! > limit && groups.at(-1)!.length > 1) {
      groups.push([0])
      used = widths[0]!
    }
    groups.at(-1)!.push(column)
    used += GAP + widths[column]!
  }
  return groups
}

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(GAP),
}

function renderColumns(table: ReportTable, cells: string[][], columns: number[], widths: number[], options: TextOptions): string {
  const text = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: columns.map((column) => table.columns[column]!.align),
  })
  for (const [index, row] of cells.entries()) {
    text.push(
      columns.map((column) => (index === 0 ? styled(shortened(row[column]!, widths[column]!), 'dim', options) : shortened(row[column]!, widths[column]!))),
    )
  }
  return text
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/** Cut in the middle: both the policy and its last parameter stay readable. */
export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text
  const tail = Math.floor((limit - 1) / 2)
  return `${text.slice(0, limit - 1 - tail)}…${text.slice(text.length - tail)}`
}

/** Lines of at most so many characters, the further ones indented. */
export function wrapped(text: string, width: number): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line)
      line = `  ${word}`
    } else line = line ? `${line} ${word}` : word
  }
  return [...lines, line].join('\n')
}
