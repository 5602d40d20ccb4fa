/** The world as a policy sees it: the machine with a few helpers, and the kernel behind the rules of timing. */
import { readFileSync } from 'node:fs'
import { Random } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import { type LaneKernel, type MoveOutcome, zonesOf } from '../kernel/index.ts'
import type { Machine, NodeIndex } from '../machine/index.ts'
import type { NodeLoad, PolicyMachine, World } from '../policy/index.ts'
import { formatList } from '../units.ts'
import { plainWorkspace, type Workspace } from '../wasm/index.ts'
import type { ReplayContext } from './context.ts'
import { stateIn } from './lane-state.ts'
import { pageAt } from './layout.ts'
import { sampleOf } from './sample.ts'

const BASE_PAGE = 4096

export function policyMachine(machine: Machine): PolicyMachine {
  const nodes = machine.nodes.map((node, index) => ({ ...node, index }))
  const tiers = [...new Set(nodes.filter(({ bytes }) => bytes > 0).map(({ tier }) => tier))].sort((a, b) => a - b)
  // Top tier as mm/memory-tiers.c:node_is_toptier: at least as fast as the slowest tier that has cpus
  const slowestWithCpus = Math.max(...nodes.filter(({ cpus }) => cpus.length > 0).map(({ tier }) => tier))
  const distance = (from: number, to: number) => machine.distance[from]![to]!
  return {
    nodes,
    distance,
    latency: (from, to) => machine.readLatencyPs[from]![to]! / 1000,
    pages: (node) => Math.floor(machine.nodes[node]!.bytes / BASE_PAGE),
    bandwidth: (node) => machine.load?.nodeBytesPerSecond[node],
    migrationNs: (machine.costs.migratePageFixedPs + machine.costs.copyPsPerKiB * (BASE_PAGE / 1024)) / 1000,
    isFast: (node) => nodes[node]!.tier <= slowestWithCpus,
    nextTierDown(node) {
      const below = tiers.find((tier) => tier > nodes[node]!.tier)
      const candidates = nodes.filter(({ tier, bytes }) => tier === below && bytes > 0)
      return candidates.sort((a, b) => distance(node, a.index) - distance(node, b.index) || a.index - b.index)[0]?.index
    },
    indexOf(id) {
      const node = nodes.find((candidate) => candidate.id === id)
      if (!node)
        throw new UserError('no such node', { field: 'node', expected: `a node of ${machine.name}: ${formatList(nodes.map((n) => n.id))}`, got: String(id) })
      return node.index
    },
  }
}

/**
 * Inside a fault only `fault.migrate()` acts at once: every other call waits for the next boundary, as a kernel worker would
 * do it. This keeps the epoch fold exact (docs/architecture.md).
 */
export class Deferral {
  active = false
  #queue: (() => void)[] = []

  wrap<A extends unknown[]>(call: (...args: A) => MoveOutcome): (...args: A) => MoveOutcome {
    return (...args) => {
      if (!this.active) return call(...args)
      this.#queue.push(() => call(...args))
      return QUEUED
    }
  }

  run(): void {
    const queue = this.#queue
    if (queue.length === 0) return
    this.#queue = []
    for (const call of queue) call()
  }
}

/** Outcome of a call that will be made at the next boundary. */
const QUEUED: MoveOutcome = { moved: 0, ret: 0, failed: {}, status: () => 0 }

export interface WorldParts {
  world: World
  deferral: Deferral
}

export function worldOf(
  context: ReplayContext,
  kernel: LaneKernel,
  ledger: { migrateCall(): void; refused(errno: string, pages: number): void; load(node: NodeIndex): NodeLoad },
  label: string,
  now: () => number,
  space: Workspace = plainWorkspace,
): WorldParts {
  const { trace, machine, seed } = context
  const random = new Random(seed, `${label} policy`)
  const zones = zonesOf(machine, trace.meta.pageSize)
  const make = stateIn(space)
  const sample = sampleOf(trace)
  const deferral = new Deferral()
  const call = <A extends unknown[]>(move: (...args: A) => MoveOutcome) =>
    deferral.wrap((...args: A) => {
      ledger.migrateCall()
      const outcome = move(...args)
      for (const [errno, pages] of Object.entries(outcome.failed)) ledger.refused(errno, pages)
      return outcome
    })
  const later = <A extends unknown[]>(change: (...args: A) => void) => {
    const deferred = deferral.wrap((...args: A) => {
      change(...args)
      return QUEUED
    })
    return (...args: A): void => void deferred(...args)
  }
  return {
    deferral,
    world: {
      machine: policyMachine(machine),
      kernel: {
        nodeOf: (page) => kernel.placement[page]!,
        movePages: call((pages, to, options) => kernel.movePages(pages, to, options)),
        migratePages: call((process, from, to) => kernel.migratePages(process, from, to)),
        mbind: call((range, mempolicy, flags) => kernel.mbind(range, mempolicy, flags)),
        setMempolicy: later((task, mempolicy) => kernel.setMempolicy(task, mempolicy)),
        setCpuset: call((group, change) => kernel.setCpuset(group, change)),
        demotePages: deferral.wrap((pages, to, reason) => kernel.demotePages(pages, to, reason)),
        transactPages: deferral.wrap((pages, to) => kernel.transactPages(pages, to)),
        replicatePages: deferral.wrap((pages, to) => kernel.replicatePages(pages, to)),
        isReplicatedOn: (page, node) => kernel.isReplicatedOn(page, node),
        ranges: (process) => kernel.ranges(process),
        coldest: (node, pages) => kernel.coldest(node, pages),
        isActive: (page) => kernel.isActive(page),
        activate: (page) => kernel.activate(page),
        freePages: (node) => kernel.freePages(node),
        watermark: (node, mark) => zones[node]![mark],
        perPage: (array, initial = 0, slots = 1) => {
          const length = trace.meta.pages * slots
          // what a tally counts by is read by kernels
          const wanted: unknown = array
          const near = wanted === Uint8Array ? space.u8(length) : wanted === Uint16Array ? space.u16(length) : undefined
          const state = (near as unknown as InstanceType<typeof array>) ?? make(array, length)
          if (initial !== 0) state.fill(initial)
          return state
        },
      },
      pages: trace.meta.pages,
      standsFor: (page) => sample?.standsFor[page] ?? 1,
      load: (node) => ledger.load(node),
      random: () => random.float(),
      now,
      processes: trace.processes.map((pid) => ({ pid })),
      tasks: trace.tasks,
      cpupid: { task: trace.actorTask, node: context.actorNode },
      pageAt: (process, vpage) => pageAt(context.layout, process, vpage),
      pageSize: trace.meta.pageSize,
      page: (page) => ({ process: trace.pageProcess[page]!, vpage: trace.pageVpage[page]! }),
      readText(file) {
        try {
          return readFileSync(file, 'utf8')
        } catch (error) {
          throw new UserError('cannot be read', { file, hint: (error as Error).message })
        }
      },
    },
  }
}
