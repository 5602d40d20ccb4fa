/** Names with their meanings, aligned in two columns and wrapped to the terminal. */
import Table from 'cli-table3'

export function twoColumns(headings: [string, string], rows: [string, string][], width = process.stdout.columns ?? 120): string {
  const first = Math.max(headings[0].length, ...rows.map(([cell]) => cell.length)) + 2
  const table = new Table({
    head: headings,
    colWidths: [first, Math.max(30, width - first - 4)],
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
