/** The plan of a sweep as people write it (docs/sweep.md): a YAML file, checked here for shape; `expand.ts` gives it meaning. */
import * as z from '../schema.ts'
import { parseDuration, parseFraction, parseList, parseSize } from '../units.ts'
import { type LocatedYaml, quantity, readLocatedYaml } from '../yaml.ts'

/** One value or a list of them: `machines: spr-2s` and `machines: [spr-2s, 2s-plus-cxl]`. */
const oneOrMore = <S extends z.ZodType>(item: S) =>
  z.preprocess((given) => (Array.isArray(given) || given === undefined ? given : [given]), z.array(item).min(1))

const Word = z.string().min(1).max(4096)
/** What a variant is called in tables, charts and exclusions. */
const Name = z.string().regex(/^[\w][\w .:+=,/@-]{0,79}$/, 'a name has letters, digits, spaces and . : + = , / @ - _, at most 80')
const Scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String)

const TraceEntry = z.strictObject({ trace: Word, name: Name.optional(), format: Word.optional() })
const MachineEntry = z.strictObject({ machine: Word, name: Name.optional(), memory: oneOrMore(Word).optional() })
const PolicyEntry = z.strictObject({
  policy: Word,
  name: Name.optional(),
  params: z.record(z.string().regex(/^[a-z][\w-]*$/i, 'not a parameter name'), oneOrMore(Scalar)).optional(),
})
const FaultsEntry = z.strictObject({ faults: Word, name: Name.optional() })

/** `spr-2s` means `{ machine: spr-2s }`. */
const wordOr = <S extends z.ZodType>(key: string, entry: S) => z.preprocess((given) => (typeof given === 'string' ? { [key]: given } : given), entry)

const Seeds = z.union([
  z.array(z.int().min(0)).min(1),
  z.int().min(0).transform((seed) => [seed]),
  quantity((text) => parseList(text, 'seeds')),
]) // biome-ignore format: alternatives

const Pattern = z.union([Scalar, z.array(Scalar).min(1)])
const Exclusion = z.strictObject({
  trace: Pattern.optional(),
  machine: Pattern.optional(),
  policy: Pattern.optional(),
  faults: Pattern.optional(),
  seed: Pattern.optional(),
  epoch: Pattern.optional(),
  pace: Pattern.optional(),
  cpus: Pattern.optional(),
})

export const PlanFile = z.strictObject({
  about: z.string().max(10_000).optional(),
  traces: oneOrMore(wordOr('trace', TraceEntry)),
  machines: oneOrMore(wordOr('machine', MachineEntry)).default([{ machine: '2-socket' }]),
  policies: oneOrMore(wordOr('policy', PolicyEntry)),
  faults: oneOrMore(wordOr('faults', FaultsEntry)).default([{ faults: 'none' }]),
  seeds: Seeds.default([1]),
  epochs: oneOrMore(quantity((text) => parseDuration(text, 'epochs'))).optional(),
  paces: oneOrMore(quantity((text) => parseFraction(text, 'paces'))).optional(),
  cpus: oneOrMore(Word).default(['auto']),
  /** Name or label of the policy that others are compared with; default: the first. */
  baseline: Word.optional(),
  exclude: oneOrMore(Exclusion).default([]),
  limits: z
    .strictObject({
      /** Longest a single point may compute. */
      time: quantity((text) => parseDuration(text, 'limits.time')).default(3600e9),
      /** Heap of one worker thread. */
      memory: quantity((text) => parseSize(text, 'limits.memory')).optional(),
    })
    .default({ time: 3600e9 }),
})

export type PlanFile = z.output<typeof PlanFile>
export type Exclusion = z.output<typeof Exclusion>

export const readPlanFile = (file: string): LocatedYaml<PlanFile> => readLocatedYaml(file, PlanFile)
