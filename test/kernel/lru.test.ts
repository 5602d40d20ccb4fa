/** The coldest pages of a node, against the definition: sort all, take the first. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ABSENT } from '../../src/kernel/index.ts'
import { world } from './world.ts'

const PAGES = 24

/** One page each: last use, active and referenced bits as mm/swap.c keeps them. */
class SlowLru {
  readonly lastUse = new Map<number, number>()
  readonly active = new Set<number>()
  readonly referenced = new Set<number>()
  #epoch = 1

  markAccessed(pages: number[]): void {
    this.#epoch++
    for (const page of pages) {
      this.lastUse.set(page, this.#epoch)
      if (this.active.has(page)) continue
      if (this.referenced.has(page)) this.active.add(page)
      this.referenced.add(page)
    }
  }

  coldest(candidates: number[], count: number): number[] {
    const heat = (page: number) => (this.active.has(page) ? 1e9 : 0) + (this.lastUse.get(page) ?? 0)
    const cold = candidates.sort((a, b) => heat(a) - heat(b) || a - b).slice(0, count)
    for (const page of cold) this.forget(page)
    return cold
  }

  forget(page: number): void {
    this.active.delete(page)
    this.referenced.delete(page)
  }
}

it('is the first of all pages of the node in order of heat, whatever happened before', () => {
  const step = fc.record({
    kind: fc.constantFrom('access', 'access', 'access', 'coldest', 'coldest', 'coldest', 'move', 'demote', 'activate', 'unmap', 'lock'),
    pages: fc.uniqueArray(fc.nat(PAGES - 1), { minLength: 1, maxLength: 8 }),
    node: fc.nat(1),
    count: fc.integer({ min: 1, max: 6 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const { kernel } = world({ nodes: [64, 64], pages: PAGES })
      const slow = new SlowLru()
      const locked = new Set<number>()
      for (const { kind, pages, node, count } of steps) {
        const present = pages.filter((page) => kernel.nodeOf(page) !== ABSENT)
        if (kind === 'access') {
          for (const page of pages) if (kernel.nodeOf(page) === ABSENT) kernel.faultIn(page, 0, node, true)
          kernel.markAccessed(Uint32Array.from(pages), 0, pages.length)
          slow.markAccessed(pages)
        }
        if (kind === 'coldest') {
          const candidates = Array.from({ length: PAGES }, (_, page) => page).filter((page) => kernel.nodeOf(page) === node && !locked.has(page))
          expect([...kernel.coldest(node, count)]).toEqual(slow.coldest(candidates, count))
        }
        if (kind === 'move') kernel.movePages(pages, node)
        if (kind === 'demote') kernel.demotePages(pages, node, 'demotion')
        if (kind === 'activate') for (const page of present) kernel.activate(page)
        if (kind === 'activate') for (const page of present) slow.active.add(page)
        if (kind === 'unmap') kernel.munmap(0, 100 + pages[0]!, 2)
        if (kind === 'unmap') for (const page of [pages[0]!, pages[0]! + 1]) if (page < PAGES) slow.forget(page)
        if (kind === 'unmap') for (const page of [pages[0]!, pages[0]! + 1]) locked.delete(page)
        if (kind === 'lock' && kernel.nodeOf(pages[0]!) !== ABSENT) {
          kernel.mlock(0, 100 + pages[0]!, 1)
          locked.add(pages[0]!)
        }
      }
    }),
    { numRuns: 500, seed: 5 },
  )
})
