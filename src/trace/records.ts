/** Records of a fixed size from the bytes of a binary file, in bounded memory. */
import type { ByteChunks } from './format.ts'

/**
 * Calls `onRecords` with as many whole records as came together; `first` is the index of the first of them. Answers how many
 * bytes were left over at the end: 0, or the file is cut off in the middle of a record.
 */
export async function eachRecords(
  bytes: ByteChunks,
  recordBytes: number,
  onRecords: (view: DataView, records: number, first: number) => void,
): Promise<number> {
  const partial = new Uint8Array(recordBytes)
  let kept = 0
  let first = 0
  bytes.borrow?.()
  for await (const chunk of bytes) {
    let start = 0
    if (kept > 0) {
      start = Math.min(recordBytes - kept, chunk.length)
      partial.set(chunk.subarray(0, start), kept)
      kept += start
      if (kept < recordBytes) continue
      onRecords(new DataView(partial.buffer), 1, first++)
    }
    const records = Math.floor((chunk.length - start) / recordBytes)
    if (records > 0) onRecords(new DataView(chunk.buffer, chunk.byteOffset + start, records * recordBytes), records, first)
    first += records
    const tail = chunk.subarray(start + records * recordBytes)
    partial.set(tail)
    kept = tail.length
  }
  return kept
}
