/** A recording that ends too early or is damaged: refused, unless the user asked to keep what is complete. */
import { UserError } from '../errors.ts'
import type { FormatContext, TraceWriter } from './format.ts'

export interface Damage {
  /** "the file ends in the middle of a record". */
  problem: string
  /** 1-based line or record, or a byte offset named in `problem`. */
  line?: number
  /** How many records are lost; unknown when the recording does not say. */
  dropped?: number
  /** More may follow than the recording still says. */
  orMore?: boolean
}

export const LENIENT = 'To keep what is complete, give --lenient'

/** Ends reading with a message, or (`--lenient`) notes what was dropped and returns. */
export function damaged(trace: TraceWriter, context: FormatContext, { problem, line, dropped, orMore }: Damage): void {
  if (!context.lenient) throw new UserError(problem, { file: context.file, line, hint: LENIENT })
  const where = ` (${context.file}${line === undefined ? '' : `:${line}`})`
  const count = dropped === undefined ? 'an unknown number of records' : `${orMore ? 'at least ' : ''}${dropped === 1 ? '1 record' : `${dropped} records`}`
  trace.lint({
    code: 'damaged',
    severity: 'warning',
    message: `${problem}${where}: ${count} dropped`,
    advice: 'Numbers hold for the part that was kept; copy or record the trace again if the rest matters',
  })
}

/** What is wrong in a last line without an end comes from its being cut off, as likely as not. */
export function inLastLine(error: unknown): unknown {
  if (!(error instanceof UserError)) return error
  const { hint, ...parts } = error.parts
  return new UserError({ ...parts, hint: `${hint ? `${hint}. ` : ''}This last line has no end: the file may be cut off. ${LENIENT}` })
}

/** What a library says about data it cannot decode; its own stumbling (a TypeError) tells the user nothing. */
export function undecodable(format: string, file: string, error: Error): UserError {
  const isStumble = error instanceof TypeError || error instanceof RangeError || /undefined|NaN|\[object/.test(error.message)
  return new UserError(`the ${format} data is damaged or uses what is not supported`, {
    file,
    got: isStumble ? 'a structure that does not hold together' : error.message,
    hint: 'Write it again, or compare with another reader',
  })
}
