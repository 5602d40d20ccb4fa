import { definePolicy, duration, every, memoryNodes, type NodeIndex, type PageActivity, type PageId, upcoming } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Greedy with knowledge of the future: before each period pages move to where their next uses are served soonest, pages of less use make way',
  paper: 'upper reference, not implementable; the exact optimum is the bound that every report shows',
  params: {
    period: duration('1s', 'how often it looks ahead'),
    horizon: duration('1s', 'how far it sees'),
    gain: duration('1.3us', 'least latency saved within the horizon for a page to be moved'),
  },
  rules({ machine, kernel, pages, standsFor }, { period, horizon, gain }) {
    const memory = memoryNodes(machine)
    const users = machine.nodes.filter(({ cpus }) => cpus.length > 0).map(({ index }) => index)
    const latency = machine.nodes.map(({ index: from }) => machine.nodes.map(({ index: to }) => machine.latency(from, to)))
    /** The move that `consider` found best for a page: latency saved within the horizon, ns; negative for one that makes way. */
    const saved = kernel.perPage(Float64Array)
    const target = kernel.perPage(Uint8Array)
    const costOn = (future: PageActivity, page: PageId, node: NodeIndex): number => {
      let ns = 0
      for (const user of users) ns += future.from(page, user) * latency[user]![node]!
      return ns
    }
    /** Notes the node that serves the page best, of those that `fits` allows; false when there is none but its own. */
    const consider = (future: PageActivity, page: PageId, fits: (node: NodeIndex) => boolean): boolean => {
      const home = kernel.nodeOf(page)
      const atHome = costOn(future, page, home)
      saved[page] = Number.NEGATIVE_INFINITY
      for (const node of memory) {
        if (node === home || !fits(node)) continue
        const ns = atHome - costOn(future, page, node)
        if (ns <= saved[page]!) continue
        saved[page] = ns
        target[page] = node
      }
      return Number.isFinite(saved[page])
    }

    return [
      every(period, upcoming(horizon), (future) => {
        const room = machine.nodes.map(({ index }) => Math.max(0, kernel.freePages(index) - kernel.watermark(index, 'low')))
        const isWish = (page: PageId): boolean => memory.includes(kernel.nodeOf(page)) && consider(future, page, () => true) && saved[page]! > gain
        const wishes = future.pages.filter(isWish).sort((a, b) => saved[b]! - saved[a]! || a - b)

        const leaving: PageId[] = []
        const entering: PageId[] = []
        const victims = new Map<NodeIndex, { pages: Uint32Array; left: number }>()
        // residents are considered while wishes wait
        const wanted = Float64Array.from(wishes, (page) => saved[page]!)
        const wantedNode = Uint8Array.from(wishes, (page) => target[page]!)
        const enteringNode: NodeIndex[] = []
        for (const [i, page] of wishes.entries()) {
          const to = wantedNode[i]!
          if (room[to]! <= 0 && !makeRoom(to, wanted[i]!)) continue
          room[to]! -= standsFor(page)
          room[kernel.nodeOf(page)]! += standsFor(page)
          entering.push(page)
          enteringNode.push(to)
        }
        kernel.movePages(
          leaving,
          leaving.map((page) => target[page]!),
        )
        kernel.movePages(entering, enteringNode)

        /** The page that loses least by leaving goes to the best node with room, if the exchange is worth two moves. */
        function makeRoom(to: NodeIndex, won: number): boolean {
          if (!victims.has(to)) victims.set(to, residents(to))
          const candidates = victims.get(to)!
          if (candidates.left === 0) return false
          const victim = candidates.pages[--candidates.left]!
          if (won + saved[victim]! <= 2 * gain || room[target[victim]!]! <= 0) return false
          room[target[victim]!]! -= standsFor(victim)
          room[to]! += standsFor(victim)
          leaving.push(victim)
          return true
        }

        /** Pages on the node by what they lose elsewhere, least last. Pages that want to leave anyway are no victims. */
        function residents(node: NodeIndex): { pages: Uint32Array; left: number } {
          const found = new Uint32Array(pages)
          let count = 0
          for (let page = 0; page < pages; page++) {
            if (kernel.nodeOf(page) !== node) continue
            if (consider(future, page, (other) => room[other]! > 0) && saved[page]! <= 0) found[count++] = page
          }
          const sorted = found.slice(0, count).sort((a, b) => saved[a]! - saved[b]! || b - a)
          return { pages: sorted, left: count }
        }
      }),
    ]
  },
})
