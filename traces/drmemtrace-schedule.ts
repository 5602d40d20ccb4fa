/**
 * A schedule file of DynamoRIO's drmemtrace by itself (`serial_schedule.bin.gz`, `cpu_schedule.bin.zip`): no accesses, only where
 * each thread ran. Of use beside a trace; alone it shows the movement of threads.
 */
import { defineFormat } from '../src/trace/index.ts'
import { readSchedule, SCHEDULE_RECORD } from './dynamorio/schedule.ts'
import { unixMicroseconds } from './dynamorio/thread-file.ts'

/** 2000 to 2200, µs since 1970: what recognises a column of times. */
const EARLIEST_US = 946_684_800e6
const LATEST_US = 7_258_118_400e6

export default defineFormat({
  about: 'schedule file of a DynamoRIO drmemtrace recording: where threads ran, no accesses',
  extensions: ['.bin.gz', '.bin.zip'],
  carries: ['tasks', 'cpus', 'time', 'events'],
  fidelity: 'every access',
  recognise({ bytes }) {
    const records = Math.min(64, Math.floor(bytes.length / SCHEDULE_RECORD))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let at = 0; at < records * SCHEDULE_RECORD; at += SCHEDULE_RECORD) {
      const us = unixMicroseconds(view.getUint32(at + 12, true), view.getUint32(at + 8, true))
      if (us < EARLIEST_US || us > LATEST_US || view.getUint32(at + 4, true) !== 0) return 0
    }
    return records > 0 ? 0.8 : 0
  },
  async read(bytes, trace, context) {
    const { tid, timeUs, cpu, records } = await readSchedule(bytes, trace, context)
    const order = [...timeUs.keys()].sort((a, b) => timeUs[a]! - timeUs[b]! || a - b)
    const originUs = timeUs[order[0]!]!
    for (const i of order) trace.event({ timeNs: (timeUs[i]! - originUs) * 1000, kind: 'task_runs_on', task: trace.task(tid[i]!, tid[i]!), cpu: cpu[i]! })
    trace.fact('scheduleRecords', records)
    trace.fact('timeOriginUnixUs', originUs)
    trace.lint({
      code: 'no-accesses',
      severity: 'error',
      message: 'a schedule tells where threads ran, not what they accessed',
      advice: 'Open the folder with the *.trace files instead',
    })
  },
})
