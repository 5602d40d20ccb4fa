/**
 * libCacheSim's oracleGeneral: 24 packed bytes `u32 time in s, u64 object, u32 size, i64 index of the object's next request`
 * (-1 or the largest number: none). Objects are taken as pages.
 */
import { damaged, defineFormat, eachRecords, READ } from '../src/trace/index.ts'

const RECORD = 24

export default defineFormat({
  about: 'libCacheSim oracleGeneral: requests of objects, taken as pages',
  extensions: ['.oracleGeneral', '.oracleGeneral.bin'],
  carries: ['accesses', 'time'],
  fidelity: 'every access',
  recognise({ bytes, fileName }) {
    const records = Math.min(1000, Math.floor(bytes.length / RECORD))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let i = 0, before = 0; i < records; i++) {
      const time = view.getUint32(i * RECORD, true)
      const low = view.getUint32(i * RECORD + 16, true)
      const high = view.getInt32(i * RECORD + 20, true)
      const isNone = (low === 0xffff_ffff && high === -1) || (low === 0xffff_ffff && high === 0x7fff_ffff) || high * 2 ** 32 + low === -2
      if (time < before || (!isNone && high * 2 ** 32 + low <= i)) return 0
      before = time
    }
    return records >= 8 ? 0.9 : records > 0 && /oraclegeneral/i.test(fileName) ? 0.9 : 0
  },
  async read(bytes, trace, context) {
    const task = trace.task(1, 1)
    const pageBits = Math.log2(trace.pageSize)
    let origin = -1
    let requests = 0
    const left = await eachRecords(bytes, RECORD, (view, records, first) => {
      requests += records
      for (let i = 0; i < records; i++) {
        trace.line = first + i + 1
        const at = i * RECORD
        const seconds = view.getUint32(at, true)
        if (origin < 0) origin = seconds
        const low = view.getUint32(at + 4, true)
        // hashes as object ids lose their highest bits, which an address has no room for
        const high = (view.getUint32(at + 8, true) << pageBits) | (low >>> (32 - pageBits))
        trace.access((seconds - origin) * 1e9, task, -1, high >>> 0, (low << pageBits) >>> 0, view.getUint32(at + 12, true), READ, 1)
      }
    })
    if (left > 0) damaged(trace, context, { problem: 'the file ends in the middle of a record', line: requests + 1, dropped: 1 })
    if (origin > 0) trace.fact('timeOriginSeconds', origin)
    trace.lint({
      code: 'objects',
      severity: 'info',
      message: 'requests of objects with times in whole seconds; each object counts as one page',
      advice: 'Sizes of objects are summed as bytes, not turned into pages',
    })
  },
})
