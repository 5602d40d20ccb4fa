import { choice, definePolicy, duration, fraction, onHintFault, onPressure, type PageId, size, tiering } from '../src/policy/index.ts'

export default definePolicy({
  about: 'AutoTiering: hint faults on all tiers move a page to the toucher; a full node first gives up its least accessed pages',
  paper: 'Kim, Choe, Ahn, USENIX ATC 2021; code of csl-ajou/AutoTiering',
  params: {
    mode: choice(['opm', 'cpm'], 'opm: a full target demotes its least accessed pages; cpm: a page moves only where there is room'),
    scanDelay: duration('1s', 'before the first scan of a process'),
    scanPeriod: duration('1s', 'between scans'),
    scanSize: size('256MiB', 'address range made to fault per scan'),
    reserve: fraction(0.01, 'share of a fast node kept free in the background'),
  },
  rules(world, { mode, scanDelay, scanPeriod, scanSize, reserve }) {
    const { machine, kernel, pages } = world
    const tiers = tiering(world)
    // one bit per scan sequence, newest lowest: set when the page was touched (least accessed page levels)
    const history = kernel.perPage(Uint8Array)
    const owner = kernel.perPage(Uint16Array)
    for (let page = 0; page < pages; page++) owner[page] = world.page(page).process
    const level = (page: PageId): number => bits[history[page]!]!
    /** Refused pages by node and level: each may push out one page of a lower level. */
    const refused = machine.nodes.map(() => new Uint32Array(LEVELS))
    const keepFree = (node: number): number => Math.max(kernel.watermark(node, 'high'), reserve * machine.pages(node))
    const demote = (node: number, shortfall: number): void => {
      const below = machine.nextTierDown(node)
      if (below === undefined) return
      const victims: PageId[] = []
      let held = 0
      for (let accessed = 0; accessed < LEVELS; accessed++) {
        let count = shortfall
        for (let higher = accessed + 1; higher < LEVELS; higher++) count += refused[node]![higher]!
        if (held >= count) break
        for (let page = 0; page < pages && held < count; page++) {
          if (kernel.nodeOf(page) !== node || level(page) !== accessed) continue
          victims.push(page)
          held += world.standsFor(page)
        }
      }
      kernel.demotePages(victims, below, 'demotion')
    }
    return [
      onPressure({ wake: (node) => (refused[node]!.some(Boolean) ? Number.POSITIVE_INFINITY : keepFree(node)), until: keepFree }, ({ node, shortfall }) => {
        demote(node, kernel.freePages(node) <= keepFree(node) ? shortfall : 0)
        refused[node]!.fill(0)
      }),
      onHintFault(
        {
          delay: scanDelay,
          period: scanPeriod,
          size: scanSize,
          scanned({ process, wrapped }) {
            if (wrapped) for (let page = 0; page < pages; page++) if (owner[page] === process) history[page] = history[page]! << 1
          },
        },
        (fault) => {
          history[fault.page]! |= 1
          if (fault.home === fault.node || fault.migrate()) return
          if (mode === 'opm' && tiers.isSlow(fault.page)) refused[fault.node]![level(fault.page)]! += world.standsFor(fault.page)
        },
      ),
    ]
  },
})

/** No bit of the history set … all eight. */
const LEVELS = 9
/** Bits set in a byte. */
const bits = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length)
