/** What yargs says of a command line that does not fit, put as every other error of a user: what came, what was expected, what to try. */
import { closest, UserError } from '../errors.ts'

/** What yargs knows of the command that it was parsing. */
export interface Known {
  /** Names of options, of one letter or more. */
  options: string[]
  /** Commands below it. */
  commands: string[]
}

/** `sentence`: of yargs, in English, or our own; `argv`: the words after the name of the program. */
export function mistake(sentence: string, argv: readonly string[], known: Known): UserError {
  const [, unknown] = /^Unknown (?:argument|command)s?: (.*)$/s.exec(sentence) ?? []
  if (unknown !== undefined) return unknownWord(argv, unknown.split(', '), known)
  const [, argument, given, choices] = /Argument: (.*), Given: "(.*)", Choices: (.*)$/s.exec(sentence) ?? []
  if (argument !== undefined) return unknownChoice(argument, given!, choices!.replaceAll('"', '').split(', '))
  const [, bare] = /^Not enough arguments following: (.*)$/.exec(sentence) ?? []
  if (bare !== undefined) return new UserError('no value given', { field: dashed(bare), hint: `${helpOf(argv)} shows what belongs there` })
  if (sentence.startsWith('Not enough')) return new UserError('an argument is missing', { hint: `${helpOf(argv)} shows what belongs there` })
  // no command was named, which is said before anything else
  const [first] = argv
  const isMisspelt = first?.startsWith('--') && !known.options.includes(first.slice(2))
  return isMisspelt ? unknownOption(first!.slice(2), argv, known) : new UserError(sentence)
}

function unknownWord(argv: readonly string[], unknown: readonly string[], known: Known): UserError {
  const option = unknown.find((word) => argv.some((given) => isOption(given, word)))
  if (option !== undefined) return unknownOption(option, argv, known)
  const { commands } = known
  const word = unknown[0]!
  if (commands.length === 0) return new UserError('one argument too many', { got: JSON.stringify(word), hint: `${helpOf(argv)} shows what belongs there` })
  const near = closest(word, commands)
  const help = helpOf(argv.slice(0, argv.indexOf(word)))
  return new UserError(`unknown command ${JSON.stringify(word)}`, {
    expected: commands.join(', '),
    hint: near === undefined ? `${help} says what each does` : `Did you mean ${near}?`,
  })
}

function unknownOption(name: string, argv: readonly string[], { options }: Known): UserError {
  const near = name.length > 1 ? closest(name, options) : undefined
  return new UserError(`unknown option ${dashed(name)}`, {
    hint: `${near === undefined ? '' : `Did you mean ${dashed(near)}? `}${helpOf(argv)} shows all options`,
  })
}

function unknownChoice(argument: string, given: string, choices: string[]): UserError {
  const near = closest(given, choices)
  return new UserError(`unknown ${argument} ${JSON.stringify(given)}`, {
    expected: choices.join(', '),
    hint: near === undefined ? undefined : `Did you mean ${near}?`,
  })
}

const dashed = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`)

/** Letters may stand together: -xvf. */
const isOption = (given: string, name: string): boolean =>
  name.length === 1 ? /^-[^-]/.test(given) && given.includes(name) : given === `--${name}` || given.startsWith(`--${name}=`)

/** What shows the help of the command that was called. */
const helpOf = ([command]: readonly string[]): string =>
  command === undefined || command.startsWith('-') ? 'numareplay --help' : `numareplay ${command} --help`
