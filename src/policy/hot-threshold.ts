/** The kernel's decision which hint faults promote, over the memory of a lane. */
import * as kernel from '../kernel/index.ts'
import type { World } from './define.ts'

export class HotThreshold extends kernel.HotThreshold {
  constructor(world: World, settings: kernel.HotThresholdSettings) {
    const stamps = world.kernel.perPage(Float64Array)
    super(
      {
        nodes: world.machine.nodes.length,
        now: () => world.now(),
        stamps: () => stamps,
        standsFor: (page) => world.standsFor(page),
        isFree: (node, pages) => world.kernel.freePages(node) > world.kernel.watermark(node, 'promo') + pages,
        presentPages: (node) => world.machine.pages(node),
      },
      settings,
    )
  }
}
