/** Where state of a lane lies that no kernel reads. */
import type { MakeArray } from '../columns/index.ts'
import type { Workspace } from '../wasm/index.ts'

/** Of the address space of a workspace, what is left to the arrays that kernels read. */
const LEFT = 2 ** 31

/**
 * Makes arrays in the workspace too, whose memory the next replay gets without a collector between. As arrays of the collector, some MB
 * a lane, they made it collect everything at every replay, and the code that the engine had compiled for the lanes before went with them.
 * For arrays that keep their size: what is outgrown stays until the end of the pass.
 */
export const stateIn =
  (space: Workspace): MakeArray =>
  (type, length) => {
    const bytes = length * type.BYTES_PER_ELEMENT
    if (space.kind !== 'wasm' || space.free < LEFT + bytes) return new type(length)
    const { buffer, byteOffset } = space.u8(bytes)
    return new type(buffer, byteOffset, length)
  }
