/** The parts of hyparquet and hyparquet-writer that are in use; the build makes one module of them, as src/schema.ts of zod. */
export { parquetMetadata, parquetMetadataAsync, parquetRead, parquetReadObjects } from 'hyparquet'
export { ByteWriter, ParquetWriter, parquetWriteBuffer } from 'hyparquet-writer'
