/** What the recording program reports of a process: placement, mapcounts, huge pages, locks; and changes of counters. */
import { HUGE_ZERO_PAGE, PAGE, type Vma, ZERO_PAGE } from '../kernel/index.ts'
import { type Observed, type ProcessSnapshot, type RegionSnapshot, type Runs, type Step, toRuns } from './case-file.ts'
import type { Actor, Scenario } from './scenario.ts'

/** `snap procs= [rt= mc= thp= lk=]`. */
export function snapshot(scenario: Scenario, step: Step): Observed {
  const { procs, rt, mc, thp, lk } = step.args ?? {}
  const answer: Record<string, ProcessSnapshot> = {}
  for (const name of String(procs).split(',')) {
    const actor = scenario.actors.get(name)
    if (actor === undefined || scenario.isDead(actor)) continue
    const regions: Record<string, RegionSnapshot> = {}
    for (const region of [...actor.regions.keys()]) {
      const column = (value: (vma: Vma, i: number) => number, outside: number): Runs => regionColumn(scenario, actor, region, value, outside)
      regions[region] = {
        nodes: column((vma, i) => scenario.residence({ vma, i }), -14),
        ...(mc && { mapcount: column((vma, i) => mapcount(scenario, vma, i), -1) }),
        ...(thp && { thp: column((vma, i) => hugeKind(scenario, vma, i), -1) }),
        ...(lk && { mlocked: column((vma, i) => locked(scenario, vma, i), -1) }),
      }
    }
    answer[name] = { regions, ...(rt && { runtime: scenario.program.snapshot(actor.process) }) }
  }
  return { procs: answer }
}

function regionColumn(scenario: Scenario, actor: Actor, region: string, value: (vma: Vma, i: number) => number, outside: number): Runs {
  const values = new Int32Array(actor.regions.get(region)!.pages)
  for (let page = 0; page < values.length; page++) {
    const entry = scenario.entry(actor, region, page)
    values[page] = entry === undefined ? outside : value(entry.vma, entry.i)
  }
  return toRuns(values)
}

function mapcount({ kernel }: Scenario, vma: Vma, i: number): number {
  const page = vma.ptes[i]!
  if (page === ZERO_PAGE || page === HUGE_ZERO_PAGE) return 0
  return page < 0 ? -1 : kernel.pages.mapcount(page)
}

function hugeKind({ kernel }: Scenario, vma: Vma, i: number): number {
  const page = vma.ptes[i]!
  if (page === ZERO_PAGE) return 3
  if (page === HUGE_ZERO_PAGE) return 4
  if (page < 0) return -1
  return kernel.pages.order(page) === 0 ? 0 : kernel.pages.head(page) === page ? 1 : 2
}

function locked({ kernel }: Scenario, vma: Vma, i: number): number {
  const page = vma.ptes[i]!
  if (page === ZERO_PAGE || page === HUGE_ZERO_PAGE) return 0
  return page < 0 ? -1 : (kernel.pages.state(page) & PAGE.mlocked) !== 0 ? 1 : 0
}

/** `vmstat`: remembers the counters of the machine and of every node with memory. */
export function rememberVmstat(scenario: Scenario): Observed {
  const { vmstat, memoryNodes } = scenario.kernel
  scenario.base = vmstat.total()
  scenario.nodeBase = new Map(memoryNodes.map((node) => [node, vmstat.ofNode(node)]))
  return { ret: 0 }
}

/** `vmdelta`: counters that changed since, whole machine and per node; unchanged ones are absent. */
export function vmstatDelta(scenario: Scenario): Observed {
  const { vmstat } = scenario.kernel
  const nodes = [...scenario.nodeBase].map(([node, base]) => [String(node), changes(base, vmstat.ofNode(node))])
  return { vmstat_delta: changes(scenario.base, vmstat.total()), node_vmstat_delta: Object.fromEntries(nodes) }
}

function changes(base: Record<string, number>, now: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(now).flatMap(([name, value]) => (value === (base[name] ?? 0) ? [] : [[name, value - (base[name] ?? 0)]])))
}
