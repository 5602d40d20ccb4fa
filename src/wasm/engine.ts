/** The part of the WebAssembly JavaScript API that is used here; its types come with browsers' libraries only. */
export interface Memory {
  readonly buffer: SharedArrayBuffer
  /** By so many pages of 64 KiB. */
  grow(pages: number): number
}

/** A memory whose views stay valid when it grows. */
export interface GrowingMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer
  grow(pages: number): number
}

export interface Module {
  readonly compiled?: never
}

interface Api {
  Memory: new (limits: { initial: number; maximum: number; shared: true }) => Memory
  Module: new (bytes: Uint8Array) => Module
  Instance: new (module: Module, imports: { env: { memory: Memory } }) => { exports: unknown }
}

export const { Memory, Module, Instance } = (globalThis as unknown as { WebAssembly: Api }).WebAssembly

/** The same without WebAssembly (ES2024: resizable buffers). */
export function plainMemory(mostPages: number): GrowingMemory {
  const Resizable = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer & { resize(bytes: number): void }
  const buffer = new Resizable(65_536, { maxByteLength: 65_536 * mostPages })
  return {
    buffer,
    grow(pages) {
      const before = buffer.byteLength
      buffer.resize(before + 65_536 * pages)
      return before / 65_536
    },
  }
}
