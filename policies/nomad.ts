import { count, definePolicy, duration, every, fraction, onHintFault, onPressure, type PageId, size, tiering } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Nomad: slow pages that fault while active are promoted from a queue in the background; a page written meanwhile is tried again',
  paper: 'Xiang et al., OSDI 2024. Shadow copies are not modelled: every demotion is charged a copy',
  params: {
    scanDelay: duration('1s', 'before the first scan of a process'),
    scanPeriod: duration('1s', 'between scans'),
    scanSize: size('256MiB', 'address range made to fault per scan'),
    period: duration('100ms', 'how often the queue is worked off (choice)'),
    demoteScale: fraction(0.02, 'share of a fast node that demotion keeps free, as in TPP'),
    queue: count(512, 'pages that can wait for promotion'),
    retries: count(3, 'attempts of a transaction that a write aborts (choice)'),
  },
  rules(world, { scanDelay, scanPeriod, scanSize, period, demoteScale, queue: longest, retries }) {
    const { machine, kernel, random } = world
    const tiers = tiering(world)
    const tried = kernel.perPage(Uint8Array)
    const written = kernel.perPage(Uint8Array)
    let queue: PageId[] = []
    const keepFree = (node: number): number => Math.max(demoteScale * machine.pages(node), 2 * kernel.watermark(node, 'high'))
    return [
      onPressure({ wake: keepFree, until: keepFree }, ({ node, shortfall }) => {
        const below = machine.nextTierDown(node)
        if (below !== undefined) kernel.demotePages(kernel.coldest(node, shortfall), below, 'demotion')
      }),
      onHintFault({ delay: scanDelay, period: scanPeriod, size: scanSize, only: (node) => !machine.isFast(node) }, ({ page, isWrite }) => {
        written[page] = isWrite ? 1 : 0
        if (!kernel.isActive(page)) kernel.activate(page)
        else if (queue.length < longest && !queue.includes(page)) queue.push(page)
      }),
      every(period, () => {
        const again: PageId[] = []
        const commits = queue.filter((page) => {
          // the copy is thrown away when a write falls into it; a page known to be written is as likely to be as not
          const isAborted = written[page] === 1 && random() < 0.5 && tried[page]! < retries
          if (isAborted) {
            tried[page]!++
            again.push(page)
          } else tried[page] = 0
          return !isAborted
        })
        queue = again
        if (commits.length > 0) tiers.promote(commits)
      }),
    ]
  },
})
