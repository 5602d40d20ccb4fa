import { definePolicy, duration, fraction, onHintFault, onPressure, size } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Transparent Page Placement: early demotion keeps room on fast nodes; a slow page that is touched while active is promoted',
  paper: 'Al Maruf et al., ASPLOS 2023; patch series "Transparent Page Placement for Tiered-Memory" (2021-11-24)',
  params: {
    scanDelay: duration('1s', 'before the first scan of a process'),
    scanPeriod: duration('1s', 'between scans'),
    scanSize: size('256MiB', 'address range made to fault per scan'),
    demoteScale: fraction(0.02, 'share of a fast node that demotion keeps free (demote_scale_factor 200)'),
  },
  rules({ machine, kernel }, { scanDelay, scanPeriod, scanSize, demoteScale }) {
    /** Decoupled from allocation, which stops at the usual watermark: at least twice the high one. */
    const keepFree = (node: number): number => Math.max(demoteScale * machine.pages(node), 2 * kernel.watermark(node, 'high'))
    return [
      onPressure({ wake: keepFree, until: keepFree }, ({ node, shortfall }) => {
        const below = machine.nextTierDown(node)
        if (below !== undefined) kernel.demotePages(kernel.coldest(node, shortfall), below, 'demotion')
      }),
      onHintFault({ delay: scanDelay, period: scanPeriod, size: scanSize, only: (node) => !machine.isFast(node) }, (fault) => {
        if (kernel.isActive(fault.page)) fault.migrate()
        else kernel.activate(fault.page) // hysteresis: the next fault promotes
      }),
    ]
  },
})
