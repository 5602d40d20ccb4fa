/** Every sample against facts that a separate script computed with plain loops. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openTrace } from '../../src/trace/index.ts'

const SAMPLES = join(import.meta.dirname, '../../traces/samples')
const TRUTH = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/traces/ground-truth.json'), 'utf8')) as Record<string, Record<string, never>>
const byKey = (pairs: [number, number][]) => Object.fromEntries(pairs.sort(([a], [b]) => a - b))

describe('samples agree with their ground truth', () => {
  for (const [file, truth] of Object.entries(TRUTH)) {
    it(file, async () => {
      const { meta, tasks, cpus, processes } = await openTrace(join(SAMPLES, file))
      if (truth['format'] === 'access-csv') {
        expect({
          accesses: meta.accesses,
          reads: meta.reads,
          writes: meta.writes,
          bytes: meta.bytes,
          pages: meta.pages,
          written: meta.pagesWritten,
          pids: processes.map(String),
          perTask: byKey(tasks.map(({ tid, accesses }) => [tid, accesses])),
          perCpu: byKey(cpus.map(({ cpu, accesses }) => [cpu, accesses])),
          first: meta.timeFirstNs,
          last: meta.timeLastNs,
          sorted: meta.timeSorted,
          moves: meta.events.task_runs_on ?? 0,
        }).toEqual({
          accesses: truth['rows'],
          reads: truth['reads'],
          writes: truth['writes'],
          bytes: truth['bytes'],
          pages: truth['distinct_pages_4k'],
          written: truth['pages_written'],
          pids: truth['pids'],
          perTask: truth['accesses_per_tid'],
          perCpu: truth['accesses_per_cpu'],
          first: truth['time_first_ns'],
          last: truth['time_last_ns'],
          sorted: truth['time_sorted'],
          moves: truth['cpu_changes_seen'],
        })
      } else {
        expect({
          accesses: meta.accesses,
          records: meta.records,
          instructions: meta.formatFacts['instructions'],
          otherLines: meta.formatFacts['otherLines'],
          reads: meta.reads,
          writes: meta.writes,
          bytes: meta.bytes,
          pages: meta.pages,
          written: meta.pagesWritten,
        }).toEqual({
          accesses: truth['data_reads']! + truth['data_writes']!,
          records: truth['L']! + truth['S']! + truth['M']!,
          instructions: truth['I'],
          otherLines: truth['comment_lines'],
          reads: truth['data_reads'],
          writes: truth['data_writes'],
          bytes: truth['data_bytes'],
          pages: truth['distinct_data_pages_4k_first_byte'],
          written: truth['data_pages_written'],
        })
        expect(cpus).toEqual([])
        expect(tasks).toHaveLength(1)
      }
    })
  }
})
