import { choice, definePolicy, onPressure } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Reclaim demotes: when a node runs low its coldest pages move one tier down (kswapd with numa/demotion_enabled)',
  paper: 'mm/vmscan.c:balance_pgdat, demote_folio_list; Documentation/ABI/testing/sysfs-kernel-mm-numa (6.12)',
  params: {
    wake: choice(['low', 'high', 'promo'], 'watermark at which kswapd wakes; high is where a refused promotion wakes it'),
    until: choice(['high', 'promo', 'low'], 'watermark above which it sleeps again; promo in tiering mode (numa-balancing:mode=2)'),
  },
  rules({ machine, kernel }, { wake, until }) {
    return [
      onPressure({ wake: (node) => kernel.watermark(node, wake), until: (node) => kernel.watermark(node, until) }, ({ node, shortfall }) => {
        const below = machine.nextTierDown(node)
        if (below !== undefined && shortfall > 0) kernel.demotePages(kernel.coldest(node, shortfall), below, 'demotion')
      }),
    ]
  },
})
