/**
 * Every sample against facts that another program counted with plain loops: what `inspect --json` prints, and that exports come
 * back the same. NUMAREPLAY_SAMPLES names a folder of samples that are not in this repository (GPL, or large), by the same paths.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inspectDocument } from '../../src/cli/commands/inspect.ts'
import { importMachine } from '../../src/machine/index.ts'
import { exportTable, importTrace, openTrace, type PreparedTrace, readResidency } from '../../src/trace/index.ts'
import { countsByPage, FIXTURES, groundTruth } from '../formats/helpers.ts'

const ELSEWHERE = process.env['NUMAREPLAY_SAMPLES']
/** Not in this repository: test data under the GPL, and the largest recording. All others are. */
const NOT_BUNDLED = /^damon\/damo-project\/|^threads\/master-first-touch-sampled16\./
/** No recordings: descriptions that the kernel prints, logs, settings. */
const DESCRIPTIONS = /\.format$|tracepoint-formats|program-log|damon-sysfs|kernel-counters|data_src-decode/
/** Larger ones take one way out and back. */
const MANY_RECORDS = 50_000

// biome-ignore lint/suspicious/noExplicitAny: facts differ by format
type Facts = Record<string, any>

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'numareplay-samples-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function placeOf(name: string): string | undefined {
  const base = basename(name).replace(/^machine-numactl/, 'recording-machine.numactl')
  const places = [join(FIXTURES, name), join(import.meta.dirname, '../../traces/samples', base), join(FIXTURES, 'perf', base)]
  if (ELSEWHERE !== undefined) places.push(join(ELSEWHERE, name))
  return places.find((place) => existsSync(place))
}

const byKey = (pairs: [number, number][]) => Object.fromEntries(pairs.sort(([a], [b]) => a - b))
const names = Object.keys(groundTruth)
const recordings = names.filter((name) => !DESCRIPTIONS.test(name) && !/numactl|numa_maps|dmesg|residency/.test(name) && placeOf(name) !== undefined)

it('all samples are here, but for those named', () => {
  if (ELSEWHERE !== undefined) expect(names.filter((name) => !existsSync(join(ELSEWHERE, name)))).toEqual([])
  expect(names.filter((name) => !DESCRIPTIONS.test(name) && placeOf(name) === undefined && !NOT_BUNDLED.test(name))).toEqual([])
})

/** Each is read once, whatever is asked of it. */
const known = new Map<string, Promise<{ meta: PreparedTrace['meta']; shown: ReturnType<typeof inspectDocument> }>>()
function opened(name: string) {
  const read = async () => {
    const trace = await openTrace(placeOf(name)!)
    return { meta: trace.meta, shown: inspectDocument(trace) }
  }
  if (!known.has(name)) known.set(name, read())
  return known.get(name)!
}

describe('inspect --json equals the ground truth', { timeout: 120_000 }, () => {
  it.each(recordings)('%s', async (name) => {
    const truth = groundTruth[name]
    // what --json prints, as a program reads it
    const shown = JSON.parse(JSON.stringify((await opened(name)).shown)) as Facts
    const check = CHECKS[truth.format]
    expect(check, truth.format).toBeDefined()
    check!(shown, truth, name)
  })
})

const CHECKS: Record<string, (shown: Facts, truth: Facts, name: string) => void> = {
  'access-csv'(shown, truth) {
    expect({
      ...pick(shown, ['accesses', 'reads', 'writes', 'bytes', 'pages', 'pagesWritten', 'timeFirstNs', 'timeLastNs', 'timeSorted']),
      pids: [...new Set(shown['tasks'].map(({ pid }: Facts) => String(pid)))],
      perTask: byKey(shown['tasks'].map(({ tid, accesses }: Facts) => [tid, accesses])),
      perCpu: byKey(shown['cpus'].map(({ cpu, accesses }: Facts) => [cpu, accesses])),
      moves: shown['events'].task_runs_on ?? 0,
    }).toEqual({
      accesses: truth['rows'],
      ...pick(truth, ['reads', 'writes', 'bytes', 'pids']),
      pages: truth['distinct_pages_4k'],
      pagesWritten: truth['pages_written'],
      timeFirstNs: truth['time_first_ns'],
      timeLastNs: truth['time_last_ns'],
      timeSorted: truth['time_sorted'],
      perTask: truth['accesses_per_tid'],
      perCpu: truth['accesses_per_cpu'],
      moves: truth['cpu_changes_seen'],
    })
  },
  'valgrind-lackey'(shown, truth) {
    expect(shown).toMatchObject({
      accesses: truth['data_reads'] + truth['data_writes'],
      records: truth['L'] + truth['S'] + truth['M'],
      formatFacts: { instructions: truth['I'], otherLines: truth['comment_lines'] },
      reads: truth['data_reads'],
      writes: truth['data_writes'],
      bytes: truth['data_bytes'],
      pages: truth['distinct_data_pages_4k_first_byte'],
      pagesWritten: truth['data_pages_written'],
      cpus: [],
    })
    expect(shown['tasks']).toHaveLength(1)
  },
  'drmemtrace-final'(shown, truth, name) {
    expect(shown).toMatchObject({
      format: 'drmemtrace',
      reads: truth['reads'],
      writes: truth['writes'],
      bytes: truth['data_bytes'],
      pages: truth['distinct_data_pages_4k'],
      pagesWritten: truth['data_pages_written'],
      formatFacts: {
        version: truth['version'],
        fileType: truth['filetype'] ?? 0,
        records: truth['records'],
        instructions: truth['instructions'],
        noFetchInstructions: truth['no_fetch_instructions'],
        markers: truth['markers'],
        threads: truth['threads'].length,
      },
    })
    // the recording's own clock is microseconds since 1601, beyond 2^53: compared as text
    const text = readFileSync(join(FIXTURES, 'ground-truth.json'), 'utf8')
    const first = /"first_timestamp_us": (\d+)/.exec(text.slice(text.indexOf(`"${name}"`)))![1]!
    expect(String(BigInt(shown['formatFacts'].timeOriginUnixUs) + 11644473600000000n)).toBe(first)
    expect(byKey(shown['tasks'].filter(({ accesses }: Facts) => accesses > 0).map(({ tid, accesses }: Facts) => [tid, accesses]))).toEqual(
      truth['accesses_per_tid'],
    )
    for (const { cpu } of shown['cpus']) expect(truth['distinct_cpus']).toContain(cpu)
  },
  'drmemtrace-schedule'(shown, truth) {
    expect(shown['formatFacts'].scheduleRecords).toBe(truth['records'])
  },
  'perf script text'(shown, { lines, events }, name) {
    if (name.includes('perf-mem-dump')) expect(shown).toMatchObject({ format: 'perf-mem', records: lines - 1 })
    // a report of damo's, whose lines are no samples
    else if (name.includes('damo-project')) expect(shown['format']).toBe('damo-report')
    else {
      expect(shown).toMatchObject({ format: 'perf-script', formatFacts: { lines } })
      for (const [event, count] of Object.entries(events)) expect(shown['formatFacts'][`events.${event === 'other' ? 'unnamed' : event}`]).toBe(count)
    }
  },
  'ftrace text'(shown, { events }) {
    expect(shown['format']).toBe('ftrace')
    for (const [event, count] of Object.entries(events)) if (event !== 'other') expect(shown['formatFacts'][`events.${event}`]).toBe(count)
  },
  'damon_aggregated text'(shown, truth) {
    expect(shown).toMatchObject({ fidelity: 'regions', formatFacts: regionFacts(truth) })
  },
  // damo's forms of the recording that the tracepoint texts have too, and damo's own test data
  'see README'(shown, _, name) {
    if (name.includes('phases-vaddr'))
      expect(shown).toMatchObject({ fidelity: 'regions', formatFacts: regionFacts(groundTruth['damon/phases-vaddr.ftrace.txt.gz']) })
    else expect(name).toMatch(NOT_BUNDLED)
  },
}

const pick = (from: Facts, fields: string[]): Facts => Object.fromEntries(fields.map((field) => [field, from[field]]))
const regionFacts = (truth: Facts): Facts => ({
  snapshots: truth['snapshots'],
  regions: truth['region_lines'],
  regionsAccessed: truth['regions_with_accesses'],
  mostAccessesOfRegion: truth['max_nr_accesses'],
})

// the large recordings elsewhere have 15 M rows as text
describe('an export comes back identical', { timeout: ELSEWHERE === undefined ? 300_000 : 1_800_000 }, () => {
  it.each(recordings)('%s', async (name) => {
    const { meta } = await opened(name)
    const all = ELSEWHERE !== undefined || meta.records <= MANY_RECORDS
    for (const ending of ['nrt', ...(all && meta.records > 0 ? ['csv.gz', 'parquet', 'arrow'] : [])]) {
      const out = join(folder, `out.${ending}`)
      const left = ending === 'nrt' ? await importTrace(placeOf(name)!, out) : await exportTable(placeOf(name)!, out)
      const again = (await openTrace(out)).meta
      const same = ['accesses', 'reads', 'writes', 'records', 'bytes', 'pages', 'pagesWritten'] as const
      // a table has no place for events, and the digest is of them too
      expect(pick(again as unknown as Facts, [...same, ...(left ? [] : ['digest'])]), ending).toEqual(
        pick(meta as unknown as Facts, [...same, ...(left ? [] : ['digest'])]),
      )
    }
  })
})

describe('recorded residency', () => {
  it.each(names.filter((name) => /residency/.test(name) && placeOf(name) !== undefined))('%s', async (name) => {
    const { snapshots } = groundTruth[name]
    const text = gunzipSync(readFileSync(placeOf(name)!)).toString('latin1')
    expect(text.trimEnd().split('\n')).toHaveLength(groundTruth[name].rows + 1)
    const found = (await readResidency(placeOf(name)!)).snapshots.map(({ name: phase, regions }) => {
      const pages: Record<string, number> = {}
      for (const { node, bytes } of regions.flatMap((region) => region.pages)) pages[node] = (pages[node] ?? 0) + bytes / 4096
      return { phase: phase.replace(/#\d+$/, ''), pages_per_node: pages }
    })
    // pages that are nowhere (-2, ENOENT) have no place in it
    const present = (pages: Facts) => Object.fromEntries(Object.entries(pages).filter(([node]) => !node.startsWith('-')))
    expect(found).toEqual(snapshots.map(({ phase, pages_per_node }: Facts) => ({ phase, pages_per_node: present(pages_per_node) })))
  })
})

it.each(names.filter((name) => /numactl|dmesg/.test(name)))('%s is of the machine of the recordings', (name) => {
  const numactl = join(FIXTURES, 'perf/numactl-H.txt')
  const document = importMachine(name.includes('dmesg') ? [numactl, placeOf(name)!] : [placeOf(name)!])
  expect(document.nodes).toHaveLength(4)
})

it("damo's own test data agrees with damo's own reports (NUMAREPLAY_SAMPLES)", { timeout: 600_000 }, async ({ skip }) => {
  if (ELSEWHERE === undefined) skip('GPL, not part of this repository')
  const sample = (name: string) => openTrace(join(ELSEWHERE!, 'damon/damo-project', name))
  for (const [data, report] of [
    ['damon.data.json_compressed', 'expected-report-raw.txt.gz'],
    ['perf.data.script.gz', 'expected-report-raw_perf_script.txt.gz'],
  ] as const) {
    const [a, b] = [await sample(data), await sample(report)]
    for (const fact of ['snapshots', 'regions', 'regionsAccessed']) expect(a.meta.formatFacts[fact]).toBe(b.meta.formatFacts[fact])
    expect(countsByPage(a)).toEqual(countsByPage(b))
  }
  expect((await sample('damon.data.snapshot.nofilter')).meta.formatFacts).toMatchObject({ snapshots: 1, regions: 132 })
})
