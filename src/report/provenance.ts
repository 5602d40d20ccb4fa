/** What was run, and how to run it again: the head of every report, whatever its form. */

import type { RunRecord } from '../results/index.ts'
import { formatCount, formatDuration, formatSize } from '../units.ts'
import { THEN } from './combine.ts'

/** Facts in reading order: [name, value]. */
export function provenance({ trace, machine, seed, epochNs, version, pace, faults, cpuMap }: RunRecord): [string, string][] {
  const span = formatDuration(trace.timeLastNs - trace.timeFirstNs)
  const nodes = machine.nodes.map(({ id, cpus, bytes, kind }) => `node ${id}: ${cpus} cpus, ${formatSize(bytes)} ${kind}`).join('; ')
  return [
    ['trace', `${trace.file} (${shortDigest(trace.digest)})`],
    ['content', `${formatCount(trace.accesses)} accesses, ${formatCount(trace.pages)} pages of ${formatSize(trace.pageSize)}, ${trace.tasks} tasks, ${span}`],
    ['fidelity', `${trace.fidelity}, ${trace.filtered ? `filtered by ${trace.filtered}` : 'not filtered by a cache'}`],
    ...(trace.sample === undefined
      ? []
      : [['sample', `1/${trace.sample.oneIn} of the pages, and all ${formatCount(trace.sample.exactPages)} with many accesses`] as [string, string]]),
    ['machine', `${machine.name}, latencies ${machine.latencySource}`],
    ['nodes', nodes],
    ['cpus', cpuMap.length === 0 ? 'as recorded' : cpuMap.map(({ cpus, node }) => `${cpus} on node ${node}`).join(', ')],
    ['seed', String(seed)],
    ['epoch', formatDuration(epochNs)],
    ...(pace === 1 ? [] : [['pace', `${Number.isInteger(pace) ? formatCount(pace) : pace} policy seconds per trace second`] as [string, string]]),
    ...(faults === undefined ? [] : [['fault plan', JSON.stringify(faults)] as [string, string]]),
    ['version', `numareplay ${version}`],
  ]
}

export const shortDigest = (digest: string): string => digest.replace(/^(sha256:)?([0-9a-f]{12})[0-9a-f]*$/, '$1$2')

/** What a reader must know before trusting a figure. */
export function caveats(record: RunRecord): string[] {
  const { trace, machine, warnings } = record
  const said = warnings.join('\n').toLowerCase()
  return [
    ...warnings,
    ...(machine.latencySource !== 'measured' && !said.includes('slit') && !said.includes('latenc')
      ? [`Latencies of machine ${machine.name} are ${machine.latencySource}.`]
      : []),
    ...(trace.filtered === false && !said.includes('filtered')
      ? ['The trace is not filtered by a cache model: every load and store is charged as a memory access, hits in the processor’s caches included.']
      : []),
    ...(trace.fidelity !== 'every access' && !said.includes('sampl')
      ? [`The trace does not hold every access (${trace.fidelity}): counts are estimates.`]
      : []),
  ]
}

/** A shell line that gives the same run. */
export const commandLine = (command: readonly string[]): string => command.map(shellQuoted).join(' ')

const shellQuoted = (word: string): string => (word === THEN || /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
