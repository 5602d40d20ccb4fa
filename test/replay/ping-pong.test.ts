/** Migrations that undo the one before, against the routes of each page written out. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PingPong } from '../../src/replay/ping-pong.ts'

const PAGES = 40

test('a page comes back when it goes where its last migration took it from', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(2, 3, 8, 16, 250).chain((nodes) =>
        fc.record({
          nodes: fc.constant(nodes),
          moves: fc.array(fc.tuple(fc.nat(PAGES - 1), fc.oneof(fc.nat(1), fc.nat(nodes - 1))), { maxLength: 200 }),
        }),
      ),
      ({ nodes, moves }) => {
        const pingPong = new PingPong(PAGES, nodes)
        const stays = Array.from({ length: PAGES }, (_, page) => [page % nodes])
        for (const [page, to] of moves) {
          const from = stays[page]!.at(-1)!
          if (from === to) continue
          pingPong.moved(page, from, to)
          stays[page]!.push(to)
        }
        const returns = stays.map((nodesOf) => nodesOf.filter((node, k) => node === nodesOf[k - 2]).length)
        const told: [number, number][] = []
        pingPong.forEach((page, times) => {
          told.push([page, times])
        })
        expect(told).toEqual([...returns.entries()].filter(([, times]) => times > 0))
        expect(pingPong.pages).toBe(told.length)
        const most = Math.max(...returns)
        const byOrdinal = Array.from({ length: most }, (_, k) => ({ returns: k + 1, pages: returns.filter((times) => times > k).length }))
        expect(pingPong.byOrdinal()).toEqual(byOrdinal)
        const byReturns = [...new Set(returns)].filter((times) => times > 0).sort((a, b) => a - b)
        expect(pingPong.byReturns()).toEqual(
          byReturns.map((times) => ({ returns: times, pages: returns.filter((one) => one === times).length, first: returns.indexOf(times) })),
        )
      },
    ),
  )
})
