import { count, definePolicy, duration, every, fraction, onHintFault, onPressure, type PageId, size, tiering, within } from '../src/policy/index.ts'

export default definePolicy({
  about:
    'Nomad: slow pages that fault while active are promoted by transactions in the background; their slow frames stay as shadows, so that a clean page goes back without a copy',
  paper: 'Xiang et al., OSDI 2024: transactional page migration (§3.1) and page shadowing (§3.2); queue length of the released module',
  params: {
    scanDelay: duration('1s', 'before the first scan of a process'),
    scanPeriod: duration('1s', 'between scans'),
    scanSize: size('256MiB', 'address range made to fault per scan'),
    period: duration('100ms', 'how often the queue is worked off (choice)'),
    demoteScale: fraction(0.02, 'share of a fast node that demotion keeps free, as in TPP'),
    queue: count(512, 'pages that can wait for promotion'),
    retries: count(3, 'attempts after a write has aborted a transaction (choice)'),
  },
  rules(world, { scanDelay, scanPeriod, scanSize, period, demoteScale, queue: longest, retries }) {
    const { machine, kernel } = world
    const tiers = tiering(world)
    /** Transactions of a page in the queue that writes aborted. */
    const aborted = kernel.perPage(Uint8Array)
    let queue = new Set<PageId>()
    const keepFree = (node: number): number => Math.max(demoteScale * machine.pages(node), 2 * kernel.watermark(node, 'high'))
    return [
      onPressure({ wake: keepFree, until: keepFree }, ({ node, shortfall }) => {
        const below = machine.nextTierDown(node)
        if (below !== undefined) kernel.demotePages(kernel.coldest(node, shortfall), below, 'demotion')
      }),
      onHintFault({ delay: scanDelay, period: scanPeriod, size: scanSize, only: (node) => !machine.isFast(node) }, ({ page }) => {
        if (!kernel.isActive(page)) kernel.activate(page)
        else if (queue.size < longest) queue.add(page)
      }),
      every(period, () => {
        const tried = tiers.room() > 0 ? within(world, [...queue], tiers.room()) : []
        tiers.promote(tried, { move: kernel.transactPages })
        // what a write has aborted is tried again; what found no room waits for the next fault
        queue = new Set(tried.filter((page) => tiers.isSlow(page) && aborted[page]!++ < retries))
        for (const page of tried) if (!queue.has(page)) aborted[page] = 0
      }),
    ]
  },
})
