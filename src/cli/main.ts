#!/usr/bin/env node
/** numareplay: finds the commands in commands/, parses, runs one, and turns errors into messages and exit codes. */
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import yargs from 'yargs'
import { UserError } from '../errors.ts'
import { CODE_ROOT, MODULE_EXTENSION, VERSION } from '../package.ts'
import { type Command, EXIT, type RunHandler } from './command.ts'
import { type Known, mistake } from './mistakes.ts'

const ISSUES = 'Please report it with this text, the command line and, if you can, the input.'

/** The command that is named first; all of them for help, completion and misspelt names. */
async function loadCommands(wanted: string | undefined): Promise<Command[]> {
  const folder = join(CODE_ROOT, 'src/cli/commands')
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(MODULE_EXTENSION) && !file.endsWith('.d.ts'))
    .map((file) => basename(file, MODULE_EXTENSION))
    .sort()
  const needed = names.filter((name) => name === wanted)
  return Promise.all(
    (needed.length > 0 ? needed : names).map(async (name) => (await import(pathToFileURL(join(folder, name + MODULE_EXTENSION)).href)).default as Command),
  )
}

/** Runs one command line; answers the exit code. */
export async function main(argv: string[]): Promise<number> {
  let isParsing = true
  const parser = yargs(argv)
    .scriptName('numareplay')
    .usage('$0 <command>: trace-driven evaluation of NUMA page placement')
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'dot-notation': false,
      'boolean-negation': false,
      'greedy-arrays': false,
    })
    .strict()
    .demandCommand(1, 'Say what to do: numareplay --help lists the commands')
    .completion('completion', 'Print a completion script for bash or zsh')
    .version(VERSION)
    .help()
    .alias('help', 'h')
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error, usage) => {
      throw error instanceof UserError ? error : mistake(error?.message ?? message, argv, knownTo(parser, usage))
    })
  withoutSpareHelp(parser)
  // run after parsing: what a handler throws is no matter of yargs
  let chosen = (): ReturnType<Command['handler']> => EXIT.done
  const run: RunHandler = (handler) => (args) => {
    chosen = () => handler(args as Record<string, unknown>)
  }
  for (const command of await loadCommands(argv[0])) {
    parser.command({
      command: command.command,
      describe: command.describe,
      builder: (args) => command.builder(args, run),
      handler: run(command.handler),
    })
  }
  try {
    await parser.parseAsync()
    isParsing = false
    return (await chosen()) ?? EXIT.done
  } catch (error) {
    return report(error, isParsing)
  }
}

/**
 * yargs lays out the help of every command that it runs, in case getHelp() is called afterwards. Nobody does here, and it takes
 * longer than all else that yargs does.
 */
function withoutSpareHelp(parser: object): void {
  const { getInternalMethods } = parser as { getInternalMethods?: () => { getUsageInstance(): { cacheHelpMessage(): void } } }
  const usage = getInternalMethods?.call(parser).getUsageInstance()
  if (usage) usage.cacheHelpMessage = () => {}
}

/** Both are there while a command line is parsed, though the types do not say so. */
function knownTo(parser: object, usage: object): Known {
  const { key } = (parser as { getOptions(): { key: Record<string, unknown> } }).getOptions()
  const commands = (usage as { getCommands(): [string][] }).getCommands()
  return { options: Object.keys(key), commands: commands.map(([command]) => command.split(' ')[0]!).filter((name) => name !== 'completion') }
}

/** A message for people on stderr; a stack trace only for our own bugs. */
function report(error: unknown, isUsage: boolean): number {
  const colour = process.stderr.isTTY && process.env['NO_COLOR'] === undefined
  const label = colour ? '\x1b[31merror:\x1b[0m' : 'error:'
  if (error instanceof UserError || isUsage) {
    process.stderr.write(`${label} ${error instanceof Error ? error.message : String(error)}\n`)
    return EXIT.wrongInput
  }
  process.stderr.write(`${label} this is a bug in numareplay ${VERSION}. ${ISSUES}\n${error instanceof Error ? error.stack : String(error)}\n`)
  return EXIT.bug
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `numareplay … | head` closes the pipe: not an error of ours
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
process.exitCode = await main(process.argv.slice(2))
