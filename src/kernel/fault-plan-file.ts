/** The file behind `--faults`: YAML or JSON, checked here once. docs/faults.md explains every field. */

import { UserError } from '../errors.ts'
import * as z from '../schema.ts'
import { parseDuration, parseFraction, parseSize } from '../units.ts'
import { quantity, readYaml } from '../yaml.ts'
import { type FaultPlan, PAGE_STATES } from './fault-plan.ts'

const time = quantity((text) => parseDuration(text))

/** `0x7f0000000000+64MiB` or `0x7f0000000000-0x7f0004000000`. */
const range = quantity((text) => {
  const match = /^(0x[0-9a-f]{1,16})([+-])(.+)$/i.exec(text.trim())
  if (!match) throw new UserError('not a range', { expected: '0x7f0000000000+64MiB or 0x7f0000000000-0x7f0004000000', got: JSON.stringify(text) })
  const start = Number(match[1])
  const bytes = match[2] === '+' ? parseSize(match[3]!) : Number(match[3]) - start
  if (!(bytes > 0)) throw new UserError('an empty range', { got: JSON.stringify(text) })
  return { start, bytes }
})

const Entry = z
  .strictObject({
    state: z.enum(PAGE_STATES),
    pid: z.int().min(0).optional(),
    range: range.optional(),
    fraction: quantity((text) => parseFraction(text))
      .pipe(z.number().min(0).max(1))
      .default(1),
    from: time.default(0),
    until: time.optional(),
    mappings: z.int().min(2).max(1000).optional(),
  })
  .refine(({ from, until }) => until === undefined || until > from, { message: 'until is not after from', path: ['until'] })
  .refine(({ state, mappings }) => mappings === undefined || state === 'shared', { message: 'mappings belongs to the state shared', path: ['mappings'] })

const PlanFile = z.strictObject({ states: z.array(Entry).min(1) })

/** Reads a plan. Addresses become virtual pages of `pageSize` bytes. */
export function readFaultPlan(file: string, pageSize: number): FaultPlan {
  const { states } = readYaml(file, PlanFile)
  return {
    states: states.map(({ state, pid, range: bytes, fraction, from, until, mappings = 2 }) => ({
      state,
      pid,
      startVpage: bytes && Math.floor(bytes.start / pageSize),
      pages: bytes && Math.ceil((bytes.start + bytes.bytes) / pageSize) - Math.floor(bytes.start / pageSize),
      fraction,
      fromNs: from,
      untilNs: until,
      mappings,
    })),
  }
}
