/**
 * Parameters of a policy: one declaration gives default, type, command-line parsing, help, report labels and sweeps
 * (`period=1s|2s|5s`). Times are integer nanoseconds, sizes bytes, rates bytes per second.
 */
import { UserError } from '../errors.ts'
import { formatDuration, formatSize, parseCount, parseDuration, parseFraction, parseRate, parseSize } from '../units.ts'

export interface Param<T> {
  default: T
  about: string
  /** How a value is written, for help: `10ms`, `20%`. */
  example: string
  parse(text: string, field: string): T
  format(value: T): string
}

// biome-ignore lint/suspicious/noExplicitAny: a record of parameters of any type
export type Params = Record<string, Param<any>>
export type ParamValues<P> = { [K in keyof P]: P[K] extends Param<infer T> ? T : never }

function param<T>(text: string, about: string, parse: Param<T>['parse'], format: Param<T>['format']): Param<T> {
  return { default: parse(text, 'default'), about, example: text, parse, format }
}

/** A length of time, e.g. `duration('1s', 'how often the daemon wakes up')`; value in ns. */
export const duration = (text: string, about: string): Param<number> => param(text, about, parseDuration, formatDuration)
/** Memory, e.g. `size('256MiB', …)`; value in bytes. */
export const size = (text: string, about: string): Param<number> => param(text, about, parseSize, formatSize)
/** Memory per second, e.g. `rate('200MiB/s', …)`; value in bytes per second. */
export const rate = (text: string, about: string): Param<number> => param(text, about, parseRate, (value) => `${formatSize(value)}/s`)
/** A whole number, 0 or more. */
export const count = (value: number, about: string): Param<number> => param(String(value), about, parseCount, String)
/** A share or factor; `20%` and `0.2` mean the same. */
export const fraction = (value: number, about: string): Param<number> => param(String(value), about, parseFraction, String)
/** On or off. */
export const flag = (value: boolean, about: string): Param<boolean> =>
  param(
    String(value),
    about,
    (text, field) => {
      if (!['true', 'false', 'on', 'off', 'yes', 'no', '1', '0'].includes(text))
        throw new UserError('not a switch', { field, expected: 'on or off', got: text })
      return ['true', 'on', 'yes', '1'].includes(text)
    },
    String,
  )
/** One of some words; the first is the default. */
export const choice = <const W extends string>(words: readonly [W, ...W[]], about: string): Param<W> =>
  param<W>(
    words[0],
    `${about} (${words.join(', ')})`,
    (text, field) => {
      const word = words.find((candidate) => candidate === text)
      if (word === undefined) throw new UserError('unknown word', { field, expected: words.join(', '), got: text })
      return word
    },
    String,
  )
/** Free text, e.g. a file name. */
export const text = (value: string, about: string): Param<string> => param(value, about, (given) => given, String)
