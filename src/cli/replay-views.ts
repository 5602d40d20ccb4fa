/** Views of a run that were asked for by option and are read in the terminal: numa_maps, and migrations stage by stage. */
import type { Row } from '../columns/index.ts'
import type { Run } from '../results/index.ts'
import { formatCount, formatDuration, formatPercent } from '../units.ts'

export function replayViews(run: Run): string[] {
  return [...residency(run), ...numaMaps(run.rows('numa_maps')), ...stages(run.rows('stages'))]
}

/** How much of the recorded residency each lane ends with. */
function residency(run: Run): string[] {
  const { record } = run
  if (!record.residency) return []
  const { file, snapshot } = record.residency
  const all = run.rows('residency')
  const width = Math.max(...record.lanes.map(({ label }) => label.length))
  const lines = record.lanes.map(({ label }) => {
    const mine = all.filter(({ lane }) => lane === label)
    const pages = mine.reduce((sum, row) => sum + Number(row['pages']), 0)
    const agreeing = mine.reduce((sum, row) => sum + (row['node'] === row['recorded_node'] ? Number(row['pages']) : 0), 0)
    const elsewhere = mine
      .filter((row) => row['node'] !== row['recorded_node'])
      .map((row) => `${row['recorded_node']}→${row['node'] ?? 'absent'} ${formatCount(Number(row['pages']))}`)
    return `  ${label.padEnd(width)}  ${formatPercent(pages > 0 ? agreeing / pages : 0).padStart(6)} where the kernel had them${elsewhere.length > 0 ? `; recorded→here ${elsewhere.join(', ')}` : ''}`
  })
  return [[`${formatCount(record.residency.pages)} pages of the trace recorded in ${file} (${snapshot}), against the end of each lane:`, ...lines].join('\n')]
}

/** One block a lane, moment and process, as `cat /proc/PID/numa_maps` prints it, and one as numastat(8) does. */
function numaMaps(rows: Row[]): string[] {
  return blocks(
    rows,
    ({ lane, time_ns, view, pid }) => `${lane}: ${view}${pid === null ? '' : ` of pid ${pid}`} at ${formatDuration(Number(time_ns))}`,
    ({ line }) => String(line),
  )
}

/** One block a page and call: its stages in order, with the pass and the outcome of each. */
function stages(rows: Row[]): string[] {
  const byPage = new Map<string, Row[]>()
  for (const row of rows) {
    const key = `${row['lane']} ${row['call']} ${row['address']}`
    byPage.set(key, [...(byPage.get(key) ?? []), row])
  }
  return blocks(
    [...byPage.values()].flat(),
    ({ lane, time_ns, call, pid, address }) => `${lane}: page ${address} of pid ${pid} at ${formatDuration(Number(time_ns))}, migrate_pages() call ${call}`,
    ({ stage, round, mode, outcome }) => `  pass ${round}  ${String(stage).padEnd(12)}  ${String(outcome).padEnd(9)}  ${mode}`,
  )
}

function blocks(rows: Row[], heading: (row: Row) => string, line: (row: Row) => string): string[] {
  const texts: string[] = []
  let current: string | undefined
  for (const row of rows) {
    const next = heading(row)
    if (next !== current) texts.push(next)
    current = next
    texts[texts.length - 1] += `\n${line(row)}`
  }
  return texts
}
