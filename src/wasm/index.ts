/** Hot loops in WebAssembly, their twins, and the memory they work on. */
export { columnBytes, FRAME, FRAME_PAD, packedBytes, type Touches } from './frames.ts'
export {
  type Cells,
  type Kernels,
  keptInWorkspace,
  LANES,
  type OptimumCosts,
  plainWorkspace,
  type Workspace,
  wasmKernels,
  withWorkspace,
  workspaceOn,
} from './kernels.ts'
export { Arena } from './memory.ts'
export { twins } from './twins.ts'
