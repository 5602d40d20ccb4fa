/** Schedule files of drmemtrace: which thread ran where from when on; records `u64 tid, time, cpu, first instruction`. */
import { damaged, eachRecords, type FormatContext, type TraceWriter } from '../../src/trace/index.ts'
import { unixMicroseconds } from './thread-file.ts'

export const SCHEDULE_RECORD = 32

export interface Schedule {
  records: number
  tid: number[]
  /** µs since 1970. */
  timeUs: number[]
  cpu: number[]
}

export async function readSchedule(bytes: AsyncIterable<Uint8Array>, trace: TraceWriter, context: FormatContext): Promise<Schedule> {
  const schedule: Schedule = { records: 0, tid: [], timeUs: [], cpu: [] }
  const left = await eachRecords(bytes, SCHEDULE_RECORD, (view, records) => {
    for (let at = 0; at < records * SCHEDULE_RECORD; at += SCHEDULE_RECORD) {
      schedule.records++
      schedule.tid.push(view.getUint32(at, true))
      schedule.timeUs.push(unixMicroseconds(view.getUint32(at + 12, true), view.getUint32(at + 8, true)))
      schedule.cpu.push(view.getUint32(at + 16, true) & 0xfff)
    }
  })
  if (left > 0) damaged(trace, context, { problem: 'the schedule ends in the middle of a record', line: schedule.records + 1, dropped: 1 })
  return schedule
}
