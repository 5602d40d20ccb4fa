/** The part of the WebAssembly JavaScript API that is used here; its types come with browsers' libraries only. */
export interface Memory {
  readonly buffer: SharedArrayBuffer
  /** By so many pages of 64 KiB. */
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
