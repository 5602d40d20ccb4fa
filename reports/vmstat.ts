import { defineReport, formatCount, type Row, type RunTables } from '../src/report/index.ts'

export default defineReport({
  title: 'Kernel counters',
  section: 'counters',
  question: 'What would /proc/vmstat and numastat have counted?',
  tables: ['vmstat'],
  text(run) {
    const rows = run.rows('vmstat')
    const nodes = [...new Set(rows.map((row) => row['node'] as number))].filter((node) => node >= 0).sort((a, b) => a - b)
    return [
      counters(
        run,
        'Increase of the counters of /proc/vmstat',
        rows.filter((row) => row['node'] === -1),
      ),
      ...nodes.map((node) =>
        counters(
          run,
          `numastat of node ${node}`,
          rows.filter((row) => row['node'] === node),
        ),
      ),
    ]
  },
  charts: () => [],
})

/** A row per counter and a column per policy, as diffs of two snapshots are printed. Counters that stayed zero everywhere are left out. */
function counters(run: RunTables, title: string, rows: Row[]) {
  const lanes = run.record.lanes.map(({ label }) => label)
  const values = new Map<string, Map<string, number>>()
  for (const { lane, counter, value } of rows) {
    if (!values.has(counter as string)) values.set(counter as string, new Map())
    values.get(counter as string)!.set(lane as string, value as number)
  }
  const shown = [...values].filter(([, byLane]) => [...byLane.values()].some((value) => value !== 0))
  return {
    title,
    columns: [{ heading: 'counter', align: 'left' as const }, ...lanes.map((lane) => ({ heading: lane, align: 'right' as const }))],
    rows: shown.map(([counter, byLane]) => [counter, ...lanes.map((lane) => (byLane.has(lane) ? formatCount(byLane.get(lane)!) : '—'))]),
    notes: shown.length === 0 ? ['All counters stayed zero.'] : [],
  }
}
