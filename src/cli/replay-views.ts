/** Views of a run that were asked for by option and are read in the terminal: numa_maps, and migrations stage by stage. */
import type { Row } from '../columns/index.ts'
import type { Run } from '../results/index.ts'
import { formatDuration } from '../units.ts'

export function replayViews(run: Run): string[] {
  return [...numaMaps(run.rows('numa_maps')), ...stages(run.rows('stages'))]
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
