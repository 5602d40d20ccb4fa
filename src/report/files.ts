/** Writes what was rendered: a file appears whole or not at all. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Cell } from '../columns/index.ts'
import { UserError } from '../errors.ts'

export function writeWhole(file: string, content: string | Uint8Array): void {
  const temporary = `${file}.tmp-${process.pid}`
  try {
    mkdirSync(dirname(file), { recursive: true })
    try {
      writeFileSync(temporary, content)
      renameSync(temporary, file)
    } finally {
      rmSync(temporary, { force: true })
    }
  } catch (error) {
    throw new UserError(`cannot be written: ${(error as Error).message}`, { file })
  }
}

/** `REPORT-CHART.svg`, with nothing in it that a file system could take amiss. */
export const chartFile = (folder: string, report: string, chart: string, extension: string): string =>
  join(folder, `${`${report}-${chart}`.replaceAll(/[^\w.-]+/g, '-')}.${extension}`)

/** RFC 4180; unknown values are empty. */
export function csv(names: readonly string[], rows: readonly Record<string, Cell>[]): string {
  const cell = (value: Cell | undefined): string => {
    const text = value === null || value === undefined ? '' : String(value)
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return [names.join(','), ...rows.map((row) => names.map((name) => cell(row[name])).join(',')), ''].join('\n')
}
