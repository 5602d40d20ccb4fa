/**
 * More than one frame for a page, in two forms that Linux itself does not have:
 *  - replicas: read-only copies on other nodes, each read by the cpus of its node (Carrefour, ASPLOS 2013, §4.2);
 *  - a shadow: the frame on the slow tier that a promoted page came from, kept while the page is clean. Nobody reads it, but
 *    going back there takes no copy (Nomad, OSDI 2024, §3.2).
 * The page is mapped read-only as long as it has copies: the first write faults, and frees them. Frames of copies are charged to
 * their nodes like all others, and are the first to go when memory is short.
 */
import type { NodeIndex } from '../machine/index.ts'
import type { KernelObserver, PageId } from './face.ts'
import type { Frames } from './frames.ts'
import type { Pages } from './pages.ts'

export class Copies {
  /** Copies made up to now. */
  made = 0
  readonly #frames: Frames
  readonly #observer: KernelObserver
  readonly #pages: Pages
  /** Oldest first. */
  readonly #shadows = new Map<PageId, NodeIndex>()
  readonly #replicas = new Map<PageId, NodeIndex[]>()

  constructor(pages: Pages, frames: Frames, observer: KernelObserver) {
    this.#pages = pages
    this.#frames = frames
    this.#observer = observer
  }

  has(page: PageId): boolean {
    return this.#shadows.has(page) || this.#replicas.has(page)
  }

  /** Pages with replicas. */
  get replicated(): number {
    return this.#replicas.size
  }

  /** A cpu of `node` reads the page on its own node, wherever the page itself is. */
  isServedOn(page: PageId, node: NodeIndex): boolean {
    return this.#replicas.get(page)?.includes(node) ?? false
  }

  shadowOf(page: PageId): NodeIndex | undefined {
    return this.#shadows.get(page)
  }

  /** A frame on exactly this node becomes a replica; false when none is free above the low watermark. */
  replicate(page: PageId, node: NodeIndex): boolean {
    if (!this.#frames.take(node, 'low', this.#pages.folioPages(page))) return false
    const nodes = this.#replicas.get(page)
    if (nodes === undefined) this.#replicas.set(page, [node])
    else nodes.push(node)
    this.#count(page, node)
    return true
  }

  /** The frame that the page has just left stays in use as its shadow. */
  keepShadow(page: PageId, node: NodeIndex): void {
    this.#shadows.set(page, node)
    this.#count(page, node)
  }

  #count(page: PageId, node: NodeIndex): void {
    const frames = this.#pages.folioPages(page)
    this.made += frames
    this.#observer.copies(node, frames)
  }

  /** The page moves into its shadow: the frame holds the page from now on. */
  enterShadow(page: PageId): void {
    this.#observer.copies(this.#shadows.get(page)!, -this.#pages.folioPages(page))
    this.#shadows.delete(page)
  }

  /** Frees all copies of a page. */
  drop(page: PageId): void {
    const shadow = this.#shadows.get(page)
    if (shadow !== undefined) {
      this.#shadows.delete(page)
      this.#free(page, shadow)
    }
    const replicas = this.#replicas.get(page)
    if (replicas !== undefined) {
      this.#replicas.delete(page)
      for (const node of replicas) this.#free(page, node)
    }
  }

  /** Frees up to `frames` copies on a node, shadows before replicas and the oldest first; answers how many. */
  reclaim(node: NodeIndex, frames: number): number {
    let freed = 0
    for (const [page, on] of this.#shadows) {
      if (freed >= frames) return freed
      if (on !== node) continue
      this.#shadows.delete(page)
      freed += this.#free(page, node)
    }
    for (const [page, nodes] of this.#replicas) {
      if (freed >= frames) return freed
      if (!nodes.includes(node)) continue
      if (nodes.length === 1) this.#replicas.delete(page)
      else nodes.splice(nodes.indexOf(node), 1)
      freed += this.#free(page, node)
    }
    return freed
  }

  #free(page: PageId, node: NodeIndex): number {
    const frames = this.#pages.folioPages(page)
    this.#frames.give(node, frames)
    this.#observer.copies(node, -frames)
    return frames
  }
}
