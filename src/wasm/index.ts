/** Hot loops in WebAssembly, their twins, and the memory they work on. */
export { type AccessRuns, BITS_PAD, cellsOf, RUN_PAD, type WordLayout, wordLayout, wordsOf } from './accesses.ts'
export { BATCH, BATCH_BYTES, COLUMN, NO_PAGE, NOWHERE, TASK, TASK_WORDS } from './batch.ts'
export { DIGEST, DIGEST_BYTES, DIGEST_WORDS } from './digest.ts'
export { FOLD, FOLD_WORDS, HISTOGRAM_BYTES, PAIR_BYTES } from './fold.ts'
export { type FoldableRuns, KEY_BYTES, mostKeys, RUN_HISTOGRAM_BYTES } from './fold-runs.ts'
export { columnBytes, FRAME, FRAME_PAD, packedBytes, type Touches } from './frames.ts'
export { Heap } from './heap.ts'
export { HeapSpace } from './heap-space.ts'
export { CHUNK, CHUNK_WORDS, IDS, LEAF, lowAt, PAGES, PAGES_WORDS, pageId, SPACE, SPACE_WORDS, spaceAt, spaceOf } from './intern.ts'
export {
  type FirstTouches,
  type Kernels,
  keptInWorkspace,
  plainWorkspace,
  type Tally,
  type Workspace,
  wasmKernels,
  withWorkspace,
  workspaceOn,
} from './kernels.ts'
export { BAD_LITERALS, BAD_MATCH, COPY_PAD } from './lz4.ts'
export { Arena } from './memory.ts'
export { CHOICE_NODES, LANES, NODE_BITS, type OptimumCosts } from './optimum.ts'
export { type Cells, cellBytes, cellsFor, MOST_PACKED_ACTORS } from './packed.ts'
export { type KeySums, RUN_WORDS, type TouchedPages } from './page-order.ts'
export { type NodePrices, type PricedPages, stepsOf, WORDS_OF_STEP } from './prices.ts'
export { SAMPLER, SAMPLER_WORDS } from './sample.ts'
export { CODE, DONE, GROUP, MISSING, NEW_TASK, SLOW, TABLE, TABLE_BYTES } from './scan.ts'
export { twins } from './twins.ts'
export type { ZstdBlocks } from './zstd.ts'
export { DamagedBlock } from './zstd-entropy.ts'
