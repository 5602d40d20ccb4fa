import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parseDuration } from '../src/units.ts'
import { parseYaml, quantity } from '../src/yaml.ts'

const Plan = z.strictObject({
  name: z.string(),
  every: quantity((text) => parseDuration(text)).optional(),
  steps: z.array(z.strictObject({ node: z.int() })).default([]),
})

describe('settings files', () => {
  test('YAML and JSON are read alike', () => {
    const expected = { name: 'a', every: 10_000_000, steps: [{ node: 1 }] }
    expect(parseYaml('name: a\nevery: 10ms\nsteps:\n  - node: 1\n', 'plan.yaml', Plan)).toEqual(expected)
    expect(parseYaml('{"name": "a", "every": "10ms", "steps": [{"node": 1}]}', 'plan.json', Plan)).toEqual(expected)
  })

  test.each([
    ['a wrong type', 'name: a\nsteps:\n  - node: x\n', 'plan.yaml:3:11: steps[0].node: is of the wrong kind (expected number, got string)'],
    [
      'a value with a wrong unit',
      'name: a\nevery: 10 parsecs\n',
      'plan.yaml:2:8: every: not a time (expected a number with ns, us, ms, s, min or h, such as 10ms, got "10 parsecs")',
    ],
    [
      'a bare number where a unit is needed',
      'name: a\nevery: 10\n',
      'plan.yaml:2:8: every: not a time (expected a number with ns, us, ms, s, min or h, such as 10ms, got "10")',
    ],
    ['an unknown key, at the key', 'name: a\n  \nevry: 10ms\n', 'plan.yaml:3:1: Unrecognized key: "evry"'],
    ['an unknown key inside', 'name: a\nsteps: [{node: 1, nod: 2}]\n', 'plan.yaml:2:19: steps[0]: Unrecognized key: "nod"'],
    ['a missing key, at what it is missing from', '\nevery: 10ms\n', 'plan.yaml:2:1: name: is missing (expected string)'],
    ['several mistakes', 'name: 1\nsteps: 2\n', 'plan.yaml:1:7: name: is of the wrong kind (expected string, got number). 1 more thing is wrong below'],
    ['a key twice', 'name: a\nname: b\n', 'plan.yaml:2:1: Map keys must be unique'],
    ['a tab as indentation', 'name: a\nsteps:\n\t- node: 1\n', 'plan.yaml:3:1: Tabs are not allowed as indentation'],
    ['text that ends early', '{"name": "a"', 'plan.yaml:1:13: Flow map must end with a }'],
    ['no document', '', 'plan.yaml:'],
  ])('%s', (_, text, message) => {
    let error: unknown
    try {
      parseYaml(text, 'plan.yaml', Plan)
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({ name: 'UserError' })
    expect((error as Error).message.startsWith(message), (error as Error).message).toBe(true)
  })
})
