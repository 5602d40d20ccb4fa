/**
 * First touches of a whole tick at once, while memory is plenty: each page goes to the node of the cpu that touches it, and nobody
 * can tell in which order. Where a policy, a mempolicy, a cpuset or a watermark has a say, the lane takes page by page.
 */
import type { LaneKernel } from '../kernel/index.ts'
import type { Kernels, Workspace } from '../wasm/index.ts'
import type { ReplayContext } from './context.ts'
import type { Ledger } from './ledger.ts'
import type { LaneBlock } from './window.ts'

export class FirstTouches {
  readonly #context: ReplayContext
  readonly #kernel: LaneKernel
  readonly #ledger: Ledger
  readonly #kernels: Kernels
  /** By actor: where its pages go, and how many went there in this tick. */
  readonly #target: Uint8Array
  readonly #placed: Uint32Array

  constructor(context: ReplayContext, kernel: LaneKernel, ledger: Ledger, { kernels, u8, u32 }: Workspace) {
    this.#context = context
    this.#kernel = kernel
    this.#ledger = ledger
    this.#kernels = kernels
    this.#target = u8(context.actorNode.length)
    this.#placed = u32(context.actorNode.length)
  }

  /** Places the absent pages of tick `i`; false where that must be done page by page. */
  place(block: LaneBlock, i: number): boolean {
    const { trace, actorNode } = this.#context
    const [from, to] = [block.touchStart[i]!, block.touchStart[i + 1]!]
    const nodes = this.#kernel.plentyFor(to - from)
    if (nodes === null) return false
    const [target, placed] = [this.#target, this.#placed]
    for (let actor = 0; actor < target.length; actor++) target[actor] = nodes[actorNode[actor]!]!
    this.#kernels.placeAbsent(block, from, to, this.#kernel.placement, target, placed)
    for (let actor = 0; actor < target.length; actor++) {
      const pages = placed[actor]!
      if (pages === 0) continue
      this.#kernel.faultedIn(actorNode[actor]!, pages)
      this.#ledger.pageFaults(pages, trace.actorTask[actor]!, target[actor]!)
      placed[actor] = 0
    }
    return true
  }
}
