/** Files of recorded kernel scenarios, schema `kernel-oracle/1`: their shape, reading and run-length arrays. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { UserError } from '../errors.ts'

/** `[[value, count], …]`, one value per page. */
export type Runs = [value: number, count: number][]

export interface RegionSnapshot {
  nodes: Runs
  mapcount?: Runs
  thp?: Runs
  mlocked?: Runs
}

/** A mapping of the recording program itself. */
export interface RuntimeVma {
  vma: string
  perm: string
  pages: number
  nodes: Runs
  mapcount?: Runs
}

export interface ProcessSnapshot {
  regions: Record<string, RegionSnapshot>
  runtime?: RuntimeVma[]
}

/** Result of a step; which fields there are depends on the operation. */
export interface Observed {
  ret?: number
  errno?: string
  count?: number
  status?: Runs
  touched?: number
  value?: string
  mode?: number
  mode_flags?: number
  nodes?: number[]
  inode?: number
  filled?: number
  missed?: number
  dropped?: number
  free?: number
  died?: boolean
  procs?: Record<string, ProcessSnapshot>
  vmstat_delta?: Record<string, number>
  node_vmstat_delta?: Record<string, Record<string, number>>
  free_pages?: Record<string, number>
  zones?: { node: number; zone: string; managed: number; free: number; min: number; low: number; high: number; promo: number }[]
  [field: string]: unknown
}

export type Phase = 'setup' | 'before' | 'op' | 'after' | 'cleanup'

export interface Step {
  n: number
  phase: Phase
  on: string
  op: string
  args?: Record<string, string | number>
  observed: Observed
  observed_repeats?: Observed[]
}

export interface RecordedMachine {
  nodes: { id: number; mem_mib: number; cpus: number[] }[]
  distance: number[][]
  page_size: number
  kernel_release: string
  tunables: Record<string, string>
  /** MemTotal of every node, KiB. */
  memory_kib: Record<string, number>
  memory_tiers: Record<string, string>
}

export interface Region {
  vaddr: string
  pages: number
  kind: 'anon' | 'shmem' | 'fshared' | 'fpriv' | 'none'
  path?: string
  thp?: number
}

export interface Case {
  id: string
  family: string
  group: string
  title: string
  machine: string
  kernel: string
  tunables?: Record<string, string>
  determinism: { class: 'exact' | 'statistical'; repeats: number; varying_steps?: number[] }
  processes: Record<string, { cpus: string | null; forked_from?: string; regions: Record<string, Region> }>
  steps: Step[]
}

export interface CaseFile {
  schema: 'kernel-oracle/1'
  family: string
  title: string
  machines: Record<string, RecordedMachine>
  cases: Case[]
}

/** Reads a case file, plain or gzip. */
export function readCaseFile(file: string): CaseFile {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new UserError('cannot read the case file', { file, got: (error as Error).message })
  }
  let content: CaseFile
  try {
    const text = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes).toString('utf8') : bytes.toString('utf8')
    content = JSON.parse(text)
  } catch (error) {
    throw new UserError('not JSON, plain or gzip', { file, got: (error as Error).message })
  }
  if (content?.schema !== 'kernel-oracle/1' || typeof content.machines !== 'object' || !Array.isArray(content.cases)) {
    throw new UserError('not a file of recorded kernel cases', { file, field: 'schema', expected: 'kernel-oracle/1', got: String(content?.schema) })
  }
  for (const { id, machine, steps } of content.cases) {
    if (content.machines[machine] === undefined)
      throw new UserError('unknown machine', { file, field: `cases.${id}.machine`, expected: Object.keys(content.machines).join(', '), got: machine })
    if (!Array.isArray(steps)) throw new UserError('no steps', { file, field: `cases.${id}.steps`, expected: 'a list' })
  }
  return content
}

export function toRuns(values: ArrayLike<number>): Runs {
  const runs: Runs = []
  for (let i = 0; i < values.length; i++) {
    const last = runs.at(-1)
    if (last !== undefined && last[0] === values[i]) last[1]++
    else runs.push([values[i]!, 1])
  }
  return runs
}

export function fromRuns(runs: Runs): Int32Array {
  const values = new Int32Array(runs.reduce((sum, [, count]) => sum + count, 0))
  let at = 0
  for (const [value, count] of runs) {
    values.fill(value, at, at + count)
    at += count
  }
  return values
}
