import { expect } from 'vitest'
import { plainWorkspace, type Workspace, withWorkspace } from '../../src/wasm/index.ts'

/** What the work gives with WebAssembly, after the TypeScript twins have given the same. */
export function onBoth<T>(work: (workspace: Workspace) => T): T {
  return withWorkspace((workspace) => {
    expect(workspace.kind).toBe('wasm')
    const fast = work(workspace)
    expect(fast).toEqual(work(plainWorkspace))
    return fast
  })
}
