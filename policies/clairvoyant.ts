import { definePolicy, duration, every, memoryNodes, type NodeIndex, type PageActivity, type PageId, upcoming } from '../src/policy/index.ts'

interface Move {
  page: PageId
  to: NodeIndex
  /** Latency saved within the horizon, ns; negative for a page that makes way. */
  gain: number
}

export default definePolicy({
  about: 'Greedy with knowledge of the future: before each period pages move to where their next uses are served soonest, pages of less use make way',
  paper: 'upper reference, not implementable; the exact optimum is the bound that every report shows',
  params: {
    period: duration('1s', 'how often it looks ahead'),
    horizon: duration('1s', 'how far it sees'),
    gain: duration('1.3us', 'least latency saved within the horizon for a page to be moved'),
  },
  rules({ machine, kernel, pages }, { period, horizon, gain }) {
    const memory = memoryNodes(machine)
    const users = machine.nodes.filter(({ cpus }) => cpus.length > 0).map(({ index }) => index)
    const latency = machine.nodes.map(({ index: from }) => machine.nodes.map(({ index: to }) => machine.latency(from, to)))
    const costOn = (future: PageActivity, page: PageId, node: NodeIndex): number => {
      let ns = 0
      for (const user of users) ns += future.from(page, user) * latency[user]![node]!
      return ns
    }
    /** The node that serves the page best, of those that `fits` allows. */
    const bestMove = (future: PageActivity, page: PageId, fits: (node: NodeIndex) => boolean): Move => {
      const home = kernel.nodeOf(page)
      const atHome = costOn(future, page, home)
      let best: Move = { page, to: home, gain: Number.NEGATIVE_INFINITY }
      for (const node of memory) {
        const saved = atHome - costOn(future, page, node)
        if (node !== home && fits(node) && saved > best.gain) best = { page, to: node, gain: saved }
      }
      return best
    }

    return [
      every(period, upcoming(horizon), (future) => {
        const room = machine.nodes.map(({ index }) => Math.max(0, kernel.freePages(index) - kernel.watermark(index, 'low')))
        const wishes: Move[] = []
        for (const page of future.pages) {
          if (!memory.includes(kernel.nodeOf(page))) continue // not present yet
          const move = bestMove(future, page, () => true)
          if (move.gain > gain) wishes.push(move)
        }
        wishes.sort((a, b) => b.gain - a.gain || a.page - b.page)

        const leaving: Move[] = []
        const entering: Move[] = []
        const victims = new Map<NodeIndex, Move[]>()
        for (const wish of wishes) {
          if (room[wish.to]! <= 0 && !makeRoom(wish)) continue
          room[wish.to]!--
          room[kernel.nodeOf(wish.page)]!++
          entering.push(wish)
        }
        for (const moves of [leaving, entering]) {
          kernel.movePages(
            moves.map(({ page }) => page),
            moves.map(({ to }) => to),
          )
        }

        /** The page that loses least by leaving goes to the best node with room, if the exchange is worth two moves. */
        function makeRoom({ to, gain: won }: Move): boolean {
          if (!victims.has(to)) victims.set(to, residents(to))
          const victim = victims.get(to)!.pop()
          if (victim === undefined || won + victim.gain <= 2 * gain || room[victim.to]! <= 0) return false
          room[victim.to]!--
          room[to]!++
          leaving.push(victim)
          return true
        }

        /** Pages on the node by what they lose elsewhere, least last. Pages that want to leave anyway are no victims. */
        function residents(node: NodeIndex): Move[] {
          const moves: Move[] = []
          for (let page = 0; page < pages; page++) {
            if (kernel.nodeOf(page) !== node) continue
            const move = bestMove(future, page, (other) => room[other]! > 0)
            if (move.gain <= 0 && Number.isFinite(move.gain)) moves.push(move)
          }
          return moves.sort((a, b) => a.gain - b.gain || b.page - a.page)
        }
      }),
    ]
  },
})
