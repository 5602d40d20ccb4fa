/**
 * Blocks of a Zstandard frame (RFC 8878, section 3.1.1.2). Every length is held to what is left before anything is copied, so damaged
 * data ends in an error after as much work as whole data of that size, on any machine. History grows with the content, up to the window.
 */
import { Arena, COPY_PAD, plainWorkspace, type Workspace, workspaceOn, type ZstdBlocks } from '../wasm/index.ts'

export const LARGEST_BLOCK = 2 ** 17

export const RAW = 0
export const RLE = 1
export const COMPRESSED = 2

/** Bytes behind the window at least, unless it is smaller: moving it then costs a byte or less for each that is made. */
const SMALL_WINDOW = 2 ** 22

/** Memory of a decoder that is kept for the next frame: what most levels of zstd need. */
const MOST_KEPT = 2 ** 23

/** One that is not in use. */
let spare: BlockDecoder | undefined

/** The blocks of one frame after another, each in order. */
export class BlockDecoder {
  readonly #arena: Arena | undefined
  readonly #space: Workspace
  readonly #blocks: ZstdBlocks
  #window = 0
  #most = 0
  /** What was decoded last: at least the window, once there is as much. Of it this frame uses `#room` bytes. */
  #history: Uint8Array = new Uint8Array(0)
  #room = 0
  #end = 0
  /** Where the history lies in the arena. */
  readonly #mark: number

  private constructor(arena: Arena | undefined, space: Workspace) {
    this.#arena = arena
    this.#space = space
    this.#blocks = space.kernels.zstdBlocks((length) => space.u8(length))
    this.#mark = arena?.mark() ?? 0
  }

  /** Kernels of WebAssembly, in a memory of their own, where it runs. */
  static open(): BlockDecoder {
    try {
      const arena = new Arena()
      const space = workspaceOn(arena)
      if (space) return new BlockDecoder(arena, space)
    } catch {
      // no address space for a memory
    }
    return BlockDecoder.plain()
  }

  /** The TypeScript twins. */
  static plain(): BlockDecoder {
    return new BlockDecoder(undefined, plainWorkspace)
  }

  /** One for this thread that nobody else uses until `giveBack`. */
  static borrow(): BlockDecoder {
    const decoder = spare ?? BlockDecoder.open()
    spare = undefined
    return decoder
  }

  giveBack(): void {
    if (this.#history.length <= MOST_KEPT) spare = this
  }

  get kind(): Workspace['kind'] {
    return this.#space.kind
  }

  /** A frame begins. `window`: how far matches reach back, in bytes. */
  begin(window: number): void {
    this.#window = window
    this.#most = Math.min(LARGEST_BLOCK, window)
    this.#room = 0
    this.#end = 0
    this.#blocks.reset()
  }

  /** The content of a block, there until the next. `size` counts bytes of content for RLE. Throws `DamagedBlock`. */
  decode(type: number, size: number, body: Uint8Array): Uint8Array {
    this.#makeRoom()
    const start = this.#end
    if (type === COMPRESSED) this.#end = this.#blocks.decode(body, this.#history, start, this.#most)
    else if (type === RLE) {
      this.#end += size
      this.#history.fill(body[0]!, start, this.#end)
    } else {
      this.#end += body.length
      this.#history.set(body, start)
    }
    return this.#history.subarray(start, this.#end)
  }

  /** Room for a block behind what matches may reach: the window twice, or a quarter more where it is large, so that a byte is moved up to four times. */
  #makeRoom(): void {
    if (this.#end + this.#most <= this.#room) return
    const kept = Math.min(this.#end, this.#window)
    const full = this.#window + this.#most + Math.max(this.#window >>> 2, Math.min(this.#window, SMALL_WINDOW))
    if (this.#room < full) {
      this.#room = Math.min(2 * (kept + this.#most), full)
      this.#grow(this.#room + COPY_PAD)
    }
    if (kept < this.#end) this.#history.copyWithin(0, this.#end - kept, this.#end)
    this.#end = kept
  }

  #grow(length: number): void {
    if (length <= this.#history.length) return
    const before = this.#history.subarray(0, this.#end)
    // in the arena it lies where it lay
    this.#arena?.release(this.#mark)
    this.#history = this.#space.raw.u8(length)
    if (this.#arena === undefined) this.#history.set(before)
  }
}
