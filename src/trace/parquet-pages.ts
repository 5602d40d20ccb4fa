/** What the headers of a Parquet file's pages promise, checked before hyparquet makes room for it. */
import type { AsyncBuffer, RowGroup } from 'hyparquet'

/** Larger pages are not written by anybody: pyarrow's have 1 MiB, DuckDB's a column of 122,880 rows. */
const LARGEST_PAGE = 2 ** 28

/** Throws where a page holds more values than its column chunk says, or is larger than pages are. */
export async function checkPages(buffer: AsyncBuffer, group: RowGroup, mostValues: number): Promise<void> {
  const { parquetHeader } = await import('hyparquet/src/column.js')
  for (const { meta_data: chunk } of group.columns) {
    if (chunk === undefined) continue
    const values = Number(chunk.num_values)
    if (!(values >= 0 && values <= mostValues)) throw new Error('a column too large for memory')
    const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset)
    const bytes = await buffer.slice(start, start + Number(chunk.total_compressed_size))
    const reader = { view: new DataView(bytes), offset: 0 }
    let left = values
    while (left > 0 && reader.offset < bytes.byteLength - 1) {
      const header = parquetHeader(reader)
      const data = header.data_page_header ?? header.data_page_header_v2
      const rows = header.data_page_header_v2?.num_rows ?? 0
      const promised = [header.compressed_page_size, header.uncompressed_page_size, data?.num_values ?? 0, header.dictionary_page_header?.num_values ?? 0]
      if (promised.some((count) => !(count >= 0))) throw new Error('a page of no size')
      if (header.uncompressed_page_size > LARGEST_PAGE) throw new Error('a page too large for memory')
      if ((data?.num_values ?? 0) > left || rows > left || (header.dictionary_page_header?.num_values ?? 0) > values)
        throw new Error('a page with more values than its column')
      left -= data?.num_values ?? 0
      reader.offset += header.compressed_page_size
    }
  }
}
