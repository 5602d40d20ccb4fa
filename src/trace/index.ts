export { Address } from './address.ts'
export { type ListedAccess, type ListOptions, traceFromAccesses } from './build.ts'
export { type Damage, damaged } from './damage.ts'
export type { TraceEvent, TraceEventKind } from './events.ts'
export {
  type AccessKind,
  type Carried,
  defineFormat,
  type Fidelity,
  type FileHead,
  type FolderFile,
  type FormatContext,
  type LintVerdict,
  MODIFY,
  READ,
  type TraceFormat,
  type TraceWriter,
  WRITE,
} from './format.ts'
export { eachLine } from './lines.ts'
export type { PreparedTrace, TickBlock, TraceMeta, TraceTask } from './prepared.ts'
export { eachRecords } from './records.ts'
export { regroup } from './regroup.ts'
export { fromShared, type SharedTrace, shareTrace } from './share.ts'
