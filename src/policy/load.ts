/**
 * From the text of `-p` to policies: `name`, `./mine.ts`, `name:k=v,k=v`, sweeps `k=a|b|c` (one lane each), and
 * composition `follow-cpuset+numa-balancing` (all rules of both).
 */
import { closest, UserError } from '../errors.ts'
import { isPluginPath, listPlugins, loadPlugin, loadPluginFile } from '../plugins.ts'
import type { Policy, PolicyDefinition, PolicyFactory, World } from './define.ts'
import type { Param } from './params.ts'
import type { Rule } from './rules.ts'

/** One lane's policy: one or more policies whose rules are joined. */
export interface LanePolicy {
  /** Names joined by '+'. */
  name: string
  /** Name with the parameters that differ from the default: unique among the lanes of a run. */
  label: string
  /** Parameters that differ from the default, formatted. */
  params: Record<string, string>
  about: string
  members: Policy[]
  /** Text that gives this very lane again (for workers and for the record); undefined for policies handed in as objects. */
  spec?: string
  /** sha256 of the code of files given by path. */
  digests: string[]
}

export const listPolicies = (): string[] => listPlugins('policies')

export async function loadPolicy(name: string): Promise<{ definition: PolicyDefinition; name: string; digest?: string }> {
  if (isPluginPath(name)) {
    const file = await loadPluginFile<PolicyFactory>(name, 'policy')
    if (typeof file.value !== 'function' || file.value.definition === undefined) {
      throw new UserError('not a policy', {
        file: name,
        expected: 'export default definePolicy({ … })',
        hint: 'docs/writing-a-policy.md has a complete example',
      })
    }
    return { definition: file.value.definition, name: file.name, digest: file.digest }
  }
  return { definition: (await loadPlugin<PolicyFactory>('policies', name, 'policy')).definition, name }
}

/** All lanes that one `-p` text means. */
export async function parsePolicySpec(spec: string): Promise<LanePolicy[]> {
  let lanes: LanePolicy[] = [{ name: '', label: '', params: {}, about: '', members: [], spec: '', digests: [] }]
  // a plus before a number belongs to a value, such as range=0x7000+1MiB
  for (const part of spec.split(/\+(?=[a-z./])/i)) {
    const colon = part.indexOf(':')
    const source = colon === -1 ? part : part.slice(0, colon)
    const { definition, name, digest } = await loadPolicy(source)
    const variants = expand(definition, name, colon === -1 ? '' : part.slice(colon + 1))
    lanes = lanes.flatMap((lane) =>
      variants.map(({ values, given }) => {
        const text = Object.entries(given)
          .map(([key, value]) => `${key}=${value}`)
          .join(',')
        return {
          name: join(lane.name, name),
          label: join(lane.label, text ? `${name}:${text}` : name),
          params: { ...lane.params, ...given },
          about: lane.about ? `${lane.about}; ${definition.about}` : definition.about,
          members: [...lane.members, { definition, values }],
          spec: join(lane.spec!, text ? `${source}:${text}` : source),
          digests: digest ? [...lane.digests, digest] : lane.digests,
        }
      }),
    )
  }
  return lanes
}

/** Every parameter of a policy with its default as text. */
export function defaultsOf({ params = {} }: PolicyDefinition): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, param]) => [kebabCase(name), param.format(param.default)]))
}

const join = (left: string, right: string): string => (left ? `${left}+${right}` : right)

interface Variant {
  values: Record<string, unknown>
  /** Written parameters that differ from the default. */
  given: Record<string, string>
}

function expand(definition: PolicyDefinition, policy: string, text: string): Variant[] {
  const params = (definition.params ?? {}) as Record<string, Param<unknown>>
  const defaults = Object.fromEntries(Object.entries(params).map(([name, param]) => [name, param.default]))
  let variants: Variant[] = [{ values: defaults, given: {} }]
  for (const [written, value] of assignments(text, policy)) {
    const name = camelCase(written)
    const param = params[name]
    if (!param) {
      const known = Object.keys(params).map(kebabCase)
      const near = closest(written, known)
      throw new UserError(`policy ${policy} has no parameter ${JSON.stringify(written)}`, {
        expected: known.length ? known.join(', ') : 'none: it has no parameters',
        hint: near ? `Did you mean ${near}?` : undefined,
      })
    }
    variants = variants.flatMap(({ values, given }) =>
      value.split('|').map((one) => {
        const parsed = param.parse(one, `${policy}:${written}`)
        const formatted = param.format(parsed)
        const isDefault = formatted === param.format(param.default)
        return { values: { ...values, [name]: parsed }, given: isDefault ? given : { ...given, [kebabCase(name)]: formatted } }
      }),
    )
  }
  return variants
}

/** `a=1,b=0-1,3` -> [a, '1'], [b, '0-1,3']: a piece that does not start with `name=` belongs to the value before it. */
function assignments(text: string, policy: string): [string, string][] {
  const pairs: [string, string][] = []
  for (const piece of text === '' ? [] : text.split(',')) {
    const [, name, value] = /^\s*([a-z][\w-]*)=(.*)$/is.exec(piece) ?? []
    if (name !== undefined) pairs.push([name, value!.trim()])
    else if (pairs.length > 0) pairs[pairs.length - 1]![1] += `,${piece}`
    else throw new UserError(`policy ${policy}: parameter without a value`, { expected: 'name=value', got: JSON.stringify(piece) })
  }
  return pairs
}

export const kebabCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
const camelCase = (name: string): string => name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** The file name of a shipped policy that was handed in as an object; `custom` for others. */
export async function policyName(policy: Policy): Promise<string> {
  for (const name of listPolicies()) if ((await loadPolicy(name)).definition === policy.definition) return name
  return 'custom'
}

/** A lane policy from policies handed in as objects (library use). */
export function lanePolicy(policy: Policy, name: string): LanePolicy {
  const params = (policy.definition.params ?? {}) as Record<string, Param<unknown>>
  const given: Record<string, string> = {}
  for (const [key, param] of Object.entries(params)) {
    const formatted = param.format(policy.values[key])
    if (formatted !== param.format(param.default)) given[kebabCase(key)] = formatted
  }
  const text = Object.entries(given)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  return { name, label: text ? `${name}:${text}` : name, params: given, about: policy.definition.about, members: [policy], digests: [] }
}

/** The joined rules of a lane. */
export function rulesOf(policy: LanePolicy, world: World): Rule[] {
  return policy.members.flatMap(({ definition, values }) => definition.rules(world, values))
}
