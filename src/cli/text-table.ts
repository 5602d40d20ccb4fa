/** A plain table for the terminal: bold-free, aligned, wrapped to its width. */
import Table from 'cli-table3'

export function textTable(headings: string[], rows: string[][], width = process.stdout.columns ?? 120): string {
  const first = Math.max(headings[0]!.length, ...rows.map(([cell]) => cell!.length)) + 2
  const table = new Table({
    head: headings,
    colWidths: headings.length === 2 ? [first, Math.max(30, width - first - 4)] : undefined,
    wordWrap: true,
    style: { head: [], border: [], compact: true },
    chars: {
      mid: '',
      'left-mid': '',
      'mid-mid': '',
      'right-mid': '',
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      right: '',
      middle: ' ',
    },
  })
  table.push(...rows)
  return table.toString().replace(/ +$/gm, '')
}
