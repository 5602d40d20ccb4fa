/** What is doubtful about a trace, from its folded form: verdicts beside those that its format gave while reading. */
import { formatCount, formatDuration, formatList, formatPercent, formatSize } from '../units.ts'
import type { LintVerdict } from './format.ts'
import type { PreparedTrace } from './prepared.ts'

/** Canonical user space of x86-64 and arm64 with 4-level tables: below 2^47 (Documentation/arch/x86/x86_64/mm.rst). */
const USER_SPACE_BYTES = 2 ** 47
const HUGE_BYTES = 2 ** 21
/** A stretch without accesses is told from this share of the recording on. */
const GAP_SHARE = 0.05

export function lintTrace(trace: PreparedTrace, machineCpus?: ReadonlySet<number>): LintVerdict[] {
  return [
    timeOrder(trace),
    outsideMachine(trace, machineCpus),
    withoutCpu(trace),
    gap(trace),
    lost(trace),
    hugePages(trace),
    sampling(trace),
    outsideUser(trace),
  ].flatMap((verdict) => verdict ?? [])
}

const verdict = (code: string, severity: LintVerdict['severity'], message: string, advice: string): LintVerdict => ({ code, severity, message, advice })

function timeOrder({ meta }: PreparedTrace): LintVerdict | undefined {
  if (meta.carries.includes('time')) return undefined
  return verdict(
    'no-time',
    'warning',
    'the recording has no time: records are taken as 1 ns apart',
    'Rates, epochs and bandwidth mean nothing; record with time stamps if they matter',
  )
}

function outsideMachine({ cpus }: PreparedTrace, machineCpus?: ReadonlySet<number>): LintVerdict | undefined {
  const strange = machineCpus ? cpus.filter(({ cpu }) => !machineCpus.has(cpu)).map(({ cpu }) => cpu) : []
  if (strange.length === 0) return undefined
  return verdict(
    'cpus-outside-machine',
    'warning',
    `cpus ${formatList(strange)} are not of the machine`,
    'Give the machine of the recording with -m, or say which node they are with --cpus',
  )
}

function withoutCpu({ meta }: PreparedTrace): LintVerdict | undefined {
  if (meta.carries.includes('cpus') || meta.accesses === 0) return undefined
  return verdict(
    'no-cpus',
    'warning',
    'no access says on which cpu it was made',
    'All tasks count as on one node; record cpus (perf: -a or --sample-cpu), or add run_on lines with --events',
  )
}

/** The longest run of ticks without an access, of recordings with time. */
function gap(trace: PreparedTrace): LintVerdict | undefined {
  if (!trace.meta.carries.includes('time')) return undefined
  const spanNs = trace.meta.timeLastNs - trace.meta.timeFirstNs
  let longest = 0
  let at = 0
  let lastNs = trace.meta.timeFirstNs
  for (let b = 0; b < trace.blocks; b++) {
    const { touchStart, startNs, ticks } = trace.block(b)
    for (let i = 0; i < ticks; i++) {
      if (touchStart[i + 1] === touchStart[i]) continue
      if (startNs[i]! - lastNs > longest) {
        longest = startNs[i]! - lastNs
        at = lastNs
      }
      lastNs = startNs[i + 1]!
    }
  }
  if (longest < GAP_SHARE * spanNs || longest === 0) return undefined
  return verdict(
    'gap',
    'warning',
    `no access for ${formatDuration(longest)} (${formatPercent(longest / spanNs)} of the recording), from ${formatDuration(at - trace.meta.timeFirstNs)} on`,
    'The program slept, or the recorder lost records: look for lost-record messages of the recorder, or cut the recording there',
  )
}

function lost({ events }: PreparedTrace): LintVerdict | undefined {
  const markers = events.flatMap((event) => (event.kind === 'lost' ? [event.records] : []))
  if (markers.length === 0) return undefined
  const records = markers.reduce((sum, count) => sum + count, 0)
  return verdict(
    'lost-records',
    'warning',
    `the recorder lost ${formatCount(records)} records in ${formatCount(markers.length)} places`,
    'Record with larger buffers (perf: -m 64M; ftrace: buffer_size_kb) or a longer period',
  )
}

/** Blocks of 2 MiB that are touched in every page are what huge pages would hold. */
function hugePages({ meta, pageProcess, pageVpage }: PreparedTrace): LintVerdict | undefined {
  const perBlock = HUGE_BYTES / meta.pageSize
  if (perBlock < 2 || meta.pages === 0) return undefined
  const touched = new Map<string, number>()
  for (let page = 0; page < meta.pages; page++) {
    const block = `${pageProcess[page]} ${Math.floor(pageVpage[page]! / perBlock)}`
    touched.set(block, (touched.get(block) ?? 0) + 1)
  }
  const whole = [...touched.values()].filter((pages) => pages === perBlock).length
  const share = (whole * perBlock) / meta.pages
  if (share < 0.5) return undefined
  return verdict(
    'huge-pages',
    'info',
    `${formatPercent(share)} of the pages lie in blocks of 2MiB that are touched whole`,
    `The program may have run on huge pages; import with --page-size 2MiB to move them as such (pages here are ${formatSize(meta.pageSize)})`,
  )
}

function sampling({ meta }: PreparedTrace): LintVerdict | undefined {
  if (meta.fidelity !== 'samples' || meta.records === 0) return undefined
  const mean = meta.accesses / meta.records
  const perPage = meta.records / Math.max(1, meta.pages)
  return verdict(
    'sampled',
    perPage < 10 ? 'warning' : 'info',
    `each record stands for ${formatCount(Math.round(mean))} accesses on average; ${perPage.toFixed(1)} records a page`,
    perPage < 10 ? 'Too few to tell pages apart: record with a shorter period, or longer' : 'A page without samples is not an untouched page',
  )
}

/** By pages: kernel addresses and physical ones have no place in a process. */
function outsideUser({ meta, pageVpage }: PreparedTrace): LintVerdict | undefined {
  if (meta.carries.includes('physical addresses')) return undefined
  let outside = 0
  for (let page = 0; page < meta.pages; page++) if (pageVpage[page]! * meta.pageSize >= USER_SPACE_BYTES) outside++
  if (outside === 0) return undefined
  return verdict(
    'outside-user-space',
    'warning',
    `${formatCount(outside)} pages (${formatPercent(outside / meta.pages)}) lie outside user space`,
    'Kernel memory does not migrate: record user space only (perf: --all-user, or :u after the event)',
  )
}
