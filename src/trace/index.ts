/** What trace formats and workloads import, and what the engine reads traces through. */

export { UserError } from '../errors.ts'
export { AccessBatch } from './access-batch.ts'
export { AccessColumns } from './access-codec.ts'
export { Address } from './address.ts'
export { readArrow } from './arrow-file.ts'
export { type ListedAccess, type ListOptions, traceFromAccesses } from './build.ts'
export { SecondsClock } from './clock.ts'
export { type Damage, damaged, inLastLine } from './damage.ts'
export type { TraceEvent, TraceEventKind } from './events.ts'
export {
  type AccessKind,
  type ByteChunks,
  type Carried,
  defineFormat,
  type Fidelity,
  type FileHead,
  type FolderFile,
  type FormatContext,
  type LintVerdict,
  MODIFY,
  type PreparedFormat,
  READ,
  type StreamFormat,
  type TraceFormat,
  type TraceWriter,
  WRITE,
} from './format.ts'
export { isBinary, listFormats, type NamedFormat } from './formats.ts'
export { exportTable, importTrace, isTableName } from './import.ts'
export { KeptAccesses } from './kept-accesses.ts'
export { eachLine } from './lines.ts'
export { lintTrace } from './lint.ts'
export { NATIVE_MAGIC, nativeFacts, openNative } from './native-file.ts'
export { type OpenOptions, openTrace } from './open.ts'
export { pageHash, parseSampleRate } from './page-sample.ts'
export { readParquet } from './parquet-file.ts'
export {
  countPairs,
  countTouches,
  firstPairOf,
  PAIR_WORDS,
  type PageSampleFacts,
  type PreparedTrace,
  type TickBlock,
  type TraceMeta,
  type TraceTask,
} from './prepared.ts'
export { eachRecords } from './records.ts'
export { regroup } from './regroup.ts'
export { abandonRelay, RelayAbandoned, type RelayMemory, relayMemory, relayReader } from './relay.ts'
export { type Residency, type ResidencySnapshot, type ResidentRegion, readResidency, snapshotOf } from './residency.ts'
export { samplePart } from './sample-part.ts'
export { type AddressRange, parseScript, type ScriptCall, type ScriptLine } from './script.ts'
export { fromShared, type SharedTrace, shareTrace } from './share.ts'
export { nearReader, type StoredBlocks } from './stored-blocks.ts'
export { layoutOf, type Role, TABLE_OPTIONS, type TableLayout, understood } from './table-columns.ts'
export { TableRows } from './table-rows.ts'
export { LONGEST_LINE, TableScanner } from './table-scanner.ts'
export { type VerifiedFile, verifyNative } from './verify.ts'
export { defineWorkload, listWorkloads, loadWorkload, Region, TURN, type Workload, workloadParam } from './workload.ts'
export { Zipf } from './zipf.ts'
