/**
 * Runs a recorded case on the model, step by step. What was observed in the phases `op` and `after` is taken away before the
 * model sees the case, so that nothing of it can flow into a prediction.
 */
import { NO_PAGE } from '../kernel/index.ts'
import { type Case, type CaseFile, fromRuns, type Observed, type Step } from './case-file.ts'
import { OPERATIONS } from './operations.ts'
import { Scenario } from './scenario.ts'

export interface Prediction {
  /** One per step. */
  observed: Observed[]
  /** The step at which the model gave up, and why. */
  failure?: { step: number; message: string }
}

export function interpret(recorded: Case, machines: CaseFile['machines']): Prediction {
  const blind = withoutResults(recorded)
  const scenario = new Scenario(blind, machines[recorded.machine]!)
  const observed: Observed[] = []
  for (const step of blind.steps) {
    const operation = OPERATIONS[step.op]
    try {
      if (operation === undefined) throw new Error(`unknown operation ${step.op}`)
      if (step.phase === 'before' && step.op === 'snap') takeOver(scenario, step)
      scenario.program.step(scenario.task(step.on), step)
      observed.push(operation(scenario, step))
      scenario.series.afterStep(step)
    } catch (error) {
      return { observed, failure: { step: step.n, message: (error as Error).message } }
    }
  }
  return { observed }
}

/** The case with `observed` emptied where the model must not look. */
export function withoutResults(recorded: Case): Case {
  const steps = recorded.steps.map((step) => {
    const { observed_repeats: _, ...rest } = step
    return { ...rest, observed: step.phase === 'setup' || step.phase === 'before' ? step.observed : {} }
  })
  return { ...recorded, steps }
}

/**
 * The recorded snapshot before the test becomes the model's state: the recording program's own mappings, and the node of every
 * page, as setting up may have met memory that was not free.
 */
function takeOver(scenario: Scenario, step: Step): void {
  const { pages } = scenario.kernel
  for (const [name, snapshot] of Object.entries(step.observed.procs ?? {})) {
    const actor = scenario.actor(name)
    if (snapshot.runtime !== undefined) scenario.program.takeOver(actor.process, snapshot.runtime)
    for (const [region, { nodes }] of Object.entries(snapshot.regions)) {
      if (!actor.regions.has(region)) continue
      for (const [page, node] of fromRuns(nodes).entries()) {
        const entry = scenario.entry(actor, region, page)
        if (entry !== undefined && node >= 0 && entry.vma.ptes[entry.i] === NO_PAGE) scenario.placeOn(actor, entry, node)
        const present = entry === undefined ? -1 : entry.vma.ptes[entry.i]!
        if (node < 0 || present < 0 || pages.node[present] === node) continue
        scenario.kernel.frames.give(pages.node[present]!, 1)
        scenario.kernel.frames.take(node, 'min', 1)
        pages.node[present] = node
      }
    }
  }
}
