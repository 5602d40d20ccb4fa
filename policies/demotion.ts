import { definePolicy, flag, onPressure } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Reclaim demotes: when a node runs low its coldest pages move one tier down (kswapd with numa/demotion_enabled)',
  paper: 'mm/vmscan.c:balance_pgdat, pgdat_balanced, demote_folio_list; mm/migrate.c:migrate_misplaced_folio_prepare (6.12)',
  params: {
    tiering: flag(false, 'beside numa-balancing:mode=2: each promotion wakes kswapd, which frees until the promo watermark, not only from low to high'),
  },
  rules({ machine, kernel }, { tiering }) {
    const wake = (node: number): number => kernel.watermark(node, tiering ? 'promo' : 'low')
    const until = (node: number): number => kernel.watermark(node, tiering ? 'promo' : 'high')
    return [
      onPressure({ wake, until }, ({ node, shortfall }) => {
        const below = machine.nextTierDown(node)
        if (below !== undefined) kernel.demotePages(kernel.coldest(node, shortfall), below, 'demotion')
      }),
    ]
  },
})
