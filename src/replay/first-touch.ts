/**
 * First touches of a whole tick at once, while memory is plenty: nothing that happens in between can change where a page goes, so
 * the frames are taken and the faults counted together. Where a mapping has a policy of its own, or a watermark has a say, the
 * lane takes page by page.
 */
import { ABSENT, type LaneKernel } from '../kernel/index.ts'
import type { Kernels, Workspace } from '../wasm/index.ts'
import type { AllocationRules } from './allocation-rules.ts'
import type { ReplayContext } from './context.ts'
import type { Ledger } from './ledger.ts'
import type { LaneBlock } from './window.ts'

const NOBODY = -1

/** Absent pages of a tick in order of their touches, those from `first` on where none are listed, and the actor of each. */
interface Absent {
  count: number
  pages: Uint32Array | null
  first: number
  actors: Uint8Array | Uint16Array
}

/** Those that nobody touched before, and how many each actor did. */
interface Fresh extends Absent {
  actors: Uint8Array
  byActor: Uint32Array
}

/** What the loops over absent pages work on. */
interface Tables {
  nodes: number
  placement: Uint8Array
  actorNode: Uint8Array
  actorTask: Uint16Array
  pageVpage: Float64Array
  /** By actor. */
  turns: Uint8Array[]
  /** By actor and node: pages placed in this tick by the memory policy, and by a rule. */
  inTurn: Uint32Array
  chosen: Uint32Array
  /** By task: node of the cpu from which it touched last a page that the memory policy placed. */
  lastNode: Int16Array
}

export class FirstTouches {
  readonly #context: ReplayContext
  readonly #kernel: LaneKernel
  readonly #ledger: Ledger
  readonly #rules: AllocationRules
  readonly #kernels: Kernels
  readonly #nodes: number
  /** By actor: nodes on which its pages go in turn by virtual page; null where one of them must be asked for each. */
  #turns: Uint8Array[] | null = []
  #version = -1
  /** Each actor's pages go to one node, and no order of touches matters to anybody. */
  #areByActor = false
  /** Some task runs on cpus of several nodes. */
  readonly #someMove: boolean
  /** By actor: the node its pages go to where it is one, and how many went there in this tick. */
  readonly #target: Uint8Array
  readonly #placed: Uint32Array
  /** Room for absent pages that were found. */
  #pages = new Uint32Array(0)
  #actors = new Uint16Array(0)
  readonly #tables: Omit<Tables, 'placement' | 'turns'>

  constructor(context: ReplayContext, kernel: LaneKernel, ledger: Ledger, rules: AllocationRules, { kernels, u8, u32 }: Workspace) {
    const actors = context.actorNode.length
    this.#context = context
    this.#kernel = kernel
    this.#ledger = ledger
    this.#rules = rules
    this.#kernels = kernels
    this.#nodes = context.machine.nodes.length
    this.#target = u8(actors)
    this.#placed = u32(actors)
    const { actorTask, pageVpage, tasks } = context.trace
    const home = new Map<number, number>()
    this.#someMove = actorTask.some((task, actor) => {
      const node = context.actorNode[actor]!
      const isElsewhere = (home.get(task) ?? node) !== node
      home.set(task, node)
      return isElsewhere
    })
    const counts = () => new Uint32Array(actors * this.#nodes)
    const lastNode = new Int16Array(tasks.length).fill(NOBODY)
    this.#tables = { nodes: this.#nodes, actorNode: context.actorNode, actorTask, pageVpage, inTurn: counts(), chosen: counts(), lastNode }
  }

  /** Places the absent pages of tick `i`; false where that must be done page by page. */
  place(block: LaneBlock, i: number): boolean {
    const [from, to] = [block.touchStart[i]!, block.touchStart[i + 1]!]
    if (!this.#kernel.isPlentyFor(to - from)) return false
    this.#refresh()
    if (this.#turns === null) return false
    const areByActor = this.#rules.areNone && this.#areByActor
    const fresh = this.#freshOf(block, i)
    if (areByActor && fresh) this.#placeFresh(fresh)
    else if (areByActor) this.#placeByActor(block, from, to)
    else {
      const absent = fresh ?? this.#findAbsent(block, from, to)
      if (absent.count > 0 && this.#rules.areNone) this.#placeInTurn(absent, this.#turns)
      else if (absent.count > 0) this.#placeChosen(absent, this.#turns)
    }
    return true
  }

  /** Where exactly the pages that are touched for the first time are absent. */
  #freshOf({ fresh, pagesSeen }: LaneBlock, i: number): Fresh | undefined {
    if (fresh === undefined) return undefined
    const { actor, start, counts } = fresh
    const count = start[i + 1]! - start[i]!
    const first = pagesSeen[i]! - count
    if (count === 0 || this.#ledger.present !== first || this.#context.placement !== undefined) return undefined
    const slot = i * (this.#target.length + 1)
    return { count, pages: null, first, actors: actor.subarray(start[i]!, start[i + 1]!), byActor: counts.subarray(slot, slot + this.#target.length) }
  }

  #findAbsent({ touchPage, touchActor, faulting }: LaneBlock, from: number, to: number): Absent {
    const { placement, hintMarked } = this.#kernel
    const faults = this.#kernels.findFaults(touchPage, from, to, placement, hintMarked.words, faulting)
    if (faults > this.#pages.length) {
      this.#pages = new Uint32Array(2 * faults)
      this.#actors = new Uint16Array(2 * faults)
    }
    let count = 0
    for (let f = 0; f < faults; f++) {
      const k = faulting[f]!
      this.#pages[count] = touchPage[k]!
      this.#actors[count] = touchActor[k]!
      // the others are marked
      if (placement[touchPage[k]!] === ABSENT) count++
    }
    return { count, pages: this.#pages, first: 0, actors: this.#actors }
  }

  /** Mempolicies and cpusets change between ticks only. */
  #refresh(): void {
    const { actorNode, trace } = this.#context
    if (this.#version === this.#kernel.policyVersion) return
    this.#version = this.#kernel.policyVersion
    const turns = Array.from(actorNode, (node, actor) => this.#kernel.turnOf(trace.actorTask[actor]!, node))
    this.#turns = turns.includes(null) ? null : (turns as Uint8Array[])
    turns.forEach((turn, actor) => {
      this.#target[actor] = turn?.[0] ?? ABSENT
    })
    this.#areByActor = turns.every((turn) => turn?.length === 1) && (this.#version === 0 || !this.#someMove)
  }

  #placeFresh({ first, actors, byActor }: Fresh): void {
    this.#kernels.placeNew(actors, first, this.#kernel.placement, this.#target)
    this.#tellPlaced(byActor)
  }

  #placeByActor(block: LaneBlock, from: number, to: number): void {
    const placed = this.#placed
    this.#kernels.placeAbsent(block, from, to, this.#kernel.placement, this.#target, placed)
    this.#tellPlaced(placed)
    placed.fill(0)
  }

  /** `placed`: pages by actor. */
  #tellPlaced(placed: Uint32Array): void {
    const { actorNode, trace } = this.#context
    const target = this.#target
    for (let actor = 0; actor < target.length; actor++) {
      const pages = placed[actor]!
      if (pages === 0) continue
      this.#kernel.takeFrames(target[actor]!, pages)
      this.#kernel.faultedIn(actorNode[actor]!, target[actor]!, pages)
      if (this.#version > 0) this.#kernel.ranOn(trace.actorTask[actor]!, actorNode[actor]!)
      this.#ledger.pageFaults(pages, trace.actorTask[actor]!, target[actor]!)
    }
  }

  #placeInTurn(absent: Absent, turns: Uint8Array[]): void {
    placeInTurn(absent, { ...this.#tables, placement: this.#kernel.placement, turns })
    this.#count(this.#tables.inTurn, (task, node, served, pages) => {
      this.#kernel.takeFrames(served, pages)
      this.#kernel.faultedIn(node, served, pages, task)
    })
    this.#tellCpus()
  }

  /** A rule may look at free memory: frames are taken as it goes, and only counts wait for the end of the tick, or of the lane. */
  #placeChosen(absent: Absent, turns: Uint8Array[]): void {
    const kernel = this.#kernel
    try {
      placeChosen(absent, { ...this.#tables, placement: kernel.placement, turns }, kernel, this.#rules)
    } finally {
      this.#count(this.#tables.inTurn, (task, node, served, pages) => kernel.faultedIn(node, served, pages, task))
      this.#count(this.#tables.chosen, (_, node, served, pages) => kernel.faultedIn(node, served, pages))
      if (kernel.policyVersion > 0) this.#tellCpus()
      else this.#tables.lastNode.fill(NOBODY)
    }
  }

  /** Empties the counts; `tell` gets the task, the node of its cpu, the node that served it, and how many pages. */
  #count(placed: Uint32Array, tell: (task: number, node: number, served: number, pages: number) => void): void {
    const { actorNode, trace } = this.#context
    for (let cell = 0; cell < placed.length; cell++) {
      const pages = placed[cell]!
      if (pages === 0) continue
      placed[cell] = 0
      const actor = Math.floor(cell / this.#nodes)
      const served = cell % this.#nodes
      tell(trace.actorTask[actor]!, actorNode[actor]!, served, pages)
      this.#ledger.pageFaults(pages, trace.actorTask[actor]!, served)
    }
  }

  #tellCpus(): void {
    const { lastNode } = this.#tables
    for (let task = 0; task < lastNode.length; task++) {
      if (lastNode[task] === NOBODY) continue
      this.#kernel.ranOn(task, lastNode[task]!)
      lastNode[task] = NOBODY
    }
  }
}

// Functions of their own, as the engine compiles a long loop again and again when it is followed by other work.

function placeInTurn({ count, pages, first, actors }: Absent, tables: Tables): void {
  const { nodes, placement, actorNode, actorTask, pageVpage, turns, inTurn, lastNode } = tables
  for (let k = 0; k < count; k++) {
    const page = pages === null ? first + k : pages[k]!
    const actor = actors[k]!
    const turn = turns[actor]!
    const node = turn.length === 1 ? turn[0]! : turn[modulo(pageVpage[page]!, turn.length)]!
    placement[page] = node
    inTurn[actor * nodes + node]!++
    lastNode[actorTask[actor]!] = actorNode[actor]!
  }
}

function placeChosen({ count, pages, first, actors }: Absent, tables: Tables, kernel: LaneKernel, rules: AllocationRules): void {
  const { nodes, actorNode, actorTask, pageVpage, turns, inTurn, chosen, lastNode } = tables
  for (let k = 0; k < count; k++) {
    const page = pages === null ? first + k : pages[k]!
    const actor = actors[k]!
    const wanted = rules.choose(page, actor)
    if (wanted === undefined) {
      const turn = turns[actor]!
      const node = turn[modulo(pageVpage[page]!, turn.length)]!
      kernel.place(page, node)
      inTurn[actor * nodes + node]!++
      lastNode[actorTask[actor]!] = actorNode[actor]!
    } else {
      const node = kernel.startOn(actorTask[actor]!, wanted)
      kernel.place(page, node)
      chosen[actor * nodes + node]!++
    }
  }
}

/** value % divisor of whole numbers below 2^53: the operator takes 40 ns where they do not fit into 31 bits. */
function modulo(value: number, divisor: number): number {
  const rest = value - Math.floor(value / divisor) * divisor
  // the quotient may have been rounded up
  return rest < 0 ? rest + divisor : rest
}
