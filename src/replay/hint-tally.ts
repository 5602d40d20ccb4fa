/**
 * The hint faults of a lane whose policy says which of them only count (HintTally): a kernel sweeps over the faults of a tick,
 * counts these, and lists the others for the lane. Where a fault may change what later ones do, everything before is told first.
 */
import type { HintTally, HintVerdict } from '../policy/index.ts'
import type { Kernels, Tally, Workspace } from '../wasm/index.ts'
import type { LaneBlock } from './window.ts'

const CODE: Record<HintVerdict, number> = { count: 1, remember: 2, react: 3, settle: 4 }
const UNKNOWN = 0
/** More keys than this are not worth their memory: the reaction gets every fault. */
const MOST_KEYS = 1 << 18

export interface TallyHost {
  placement: Uint8Array
  /** A bit by page, as in BitSet. */
  marked: Uint32Array
  /** Handles the fault at touch k, whatever it is: false when the lane ends. */
  take(k: number): boolean
  /** So many hint faults of an actor on pages of a node were counted. */
  counted(actor: number, home: number, faults: number): void
}

export class TalliedFaults {
  readonly #rule: HintTally
  readonly #host: TallyHost
  readonly #kernels: Kernels
  readonly #tally: Tally
  #version = -1

  /** Undefined where there would be too many keys. */
  static for(rule: HintTally, host: TallyHost, nodes: number, actors: number, space: Workspace): TalliedFaults | undefined {
    const shift = Math.ceil(Math.log2(nodes))
    const keys = (actors * (actors + 1)) << shift
    return keys <= MOST_KEYS ? new TalliedFaults(rule, host, shift, actors, space) : undefined
  }

  private constructor(rule: HintTally, host: TallyHost, shift: number, actors: number, { kernels, u8, u32 }: Workspace) {
    const keys = (actors * (actors + 1)) << shift
    this.#rule = rule
    this.#host = host
    this.#kernels = kernels
    this.#tally = { actors, shift, last: rule.last, ready: u8(actors), verdicts: u8(keys), counts: u32(keys), keys: u32(keys + 1), lengths: u32(2) }
  }

  /** The first `faults` touches of the block's list; false when the lane ends. */
  take(block: LaneBlock, faults: number): boolean {
    const { placement, marked } = this.#host
    const { touchPage, faulting } = block
    this.#refresh()
    for (let next = 0; next < faults; ) {
      next = this.#kernels.tallyFaults(block, next, faults, placement, marked, this.#tally, faulting)
      for (let f = 0; f < this.#tally.lengths[0]!; f++) if (!this.#host.take(faulting[f]!)) return false
      if (next === faults) break
      const k = faulting[next]!
      const actor = block.touchActor[k]!
      const { ready, verdicts, last } = this.#tally
      const page = touchPage[k]!
      const before = Math.min(last[page]!, this.#tally.actors)
      const home = placement[page]!
      const key = ((actor * (this.#tally.actors + 1) + before) << this.#tally.shift) | home
      if (ready[actor] === 1 && verdicts[key] === UNKNOWN) verdicts[key] = CODE[this.#rule.verdict(actor, last[page]!, home)]
      if (ready[actor] === 1 && verdicts[key] !== CODE.settle) continue
      this.#tell()
      if (!this.#host.take(k)) return false
      next++
      this.#refresh()
    }
    this.#tell()
    return true
  }

  /** Whose faults can be counted, and by which verdicts. */
  #refresh(): void {
    const { actors, ready, verdicts } = this.#tally
    for (let actor = 0; actor < actors; actor++) ready[actor] = this.#rule.isDue(actor) ? 0 : 1
    if (this.#version === this.#rule.version()) return
    this.#version = this.#rule.version()
    verdicts.fill(UNKNOWN)
  }

  /** Tells what was counted. */
  #tell(): void {
    const { actors, shift, keys, counts, lengths } = this.#tally
    for (let n = 0; n < lengths[1]!; n++) {
      const key = keys[n]!
      const home = key & ((1 << shift) - 1)
      const before = (key >>> shift) % (actors + 1)
      const actor = Math.floor((key >>> shift) / (actors + 1))
      this.#host.counted(actor, home, counts[key]!)
      this.#rule.counted(actor, before, home, counts[key]!)
      counts[key] = 0
    }
    lengths[1] = 0
  }
}
