/** A policy as a user writes one: all memory is marked at every boundary, and each fault calls this function. */
import { definePolicy, onHintFault } from 'numareplay/policy'

const NOBODY = 255

export default definePolicy({
  about: 'A page moves to a node that touched it first in two epochs in a row',
  params: {},
  rules({ kernel }) {
    const last = kernel.perPage(Uint8Array, NOBODY)
    return [
      onHintFault({ delay: 0, period: 1, size: Number.MAX_SAFE_INTEGER }, (fault) => {
        const twice = last[fault.page] === fault.node
        last[fault.page] = fault.node
        if (twice && fault.node !== fault.home) fault.migrate()
      }),
    ]
  },
})
