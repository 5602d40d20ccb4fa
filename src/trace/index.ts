export type { TraceEvent, TraceEventKind } from './events.ts'
export {
  type AccessKind,
  type Carried,
  defineFormat,
  type Fidelity,
  type FileHead,
  type FormatContext,
  type LintVerdict,
  MODIFY,
  READ,
  type TraceFormat,
  type TraceWriter,
  WRITE,
} from './format.ts'
export type { PreparedTrace, TickBlock, TraceMeta, TraceTask } from './prepared.ts'
