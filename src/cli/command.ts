/** What a file in src/cli/commands/ default-exports: a yargs module whose handler parses, calls one library function and prints. */
import type { Argv } from 'yargs'

type Handler = (args: Record<string, unknown>) => Promise<number | undefined> | number | undefined

/** Makes a handler for yargs of one that answers an exit code: for sub-commands. It runs once the command line is parsed. */
export type RunHandler = (handler: Handler) => (args: object) => void

export interface Command {
  /** Name and positionals, as yargs writes them: `replay <trace..>`. */
  command: string
  describe: string
  builder(args: Argv, run: RunHandler): Argv
  handler: Handler
}

/** The handler answers the exit code; nothing means 0. */
export function defineCommand(command: Command): Command {
  return command
}

/** Exit codes of every command (docs/architecture.md). */
export const EXIT = { done: 0, bug: 1, wrongInput: 2, doneWithFindings: 3, interrupted: 130 } as const

/** One JSON document on stdout. */
export function printJson(document: { schema: string } & Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
}

/** Coerce function for an option that may be given once: yargs would turn a repeated one into an array. */
export function once(name: string): (value: unknown) => string | undefined {
  return (value) => {
    if (Array.isArray(value)) throw new Error(`--${name} given twice`)
    return value === undefined ? undefined : String(value)
  }
}
