export { BitSet } from './bit-set.ts'
export { GrowableF64, GrowableI32, GrowableU16, GrowableU32 } from './growable.ts'
export { fnv1a, Random } from './random.ts'
export { type Cell, type Column, type ColumnType, type Row, Table, type TableSchema } from './table.ts'
