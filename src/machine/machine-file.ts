/** The machine file: YAML or JSON, values with units, checked here once. docs/machines.md explains every field. */
import * as z from '../schema.ts'
import { parseFraction, parseList, parsePicoseconds, parseSize } from '../units.ts'
import { quantity } from '../yaml.ts'

/** ABSENT (255) marks a page without node in a byte per page. */
export const MOST_NODES = 250

/** Linux orders nodes by SLIT entries of one byte; 10 is local, 255 unreachable (ACPI 6.5, section 5.2.17). */
const Distance = z.int().min(1).max(255)

const positiveNumber = z.number().positive().max(1e9)

/** Square, in the order of `nodes`; `null` for a cell, or a whole row, that nobody measured. */
const PartialMatrix = z.array(z.array(positiveNumber.nullable()).nullable())

const cost = quantity((text) => parsePicoseconds(text)).optional()

const Node = z.strictObject({
  id: z.int().min(0).max(65535),
  /** `0-25,52-77`; empty or left out for a memory-only node. */
  cpus: quantity((text) => (text.trim() === '' ? [] : parseList(text, 'cpus'))).default([]),
  memory: quantity((text) => parseSize(text)),
  /** 0 = fastest. */
  tier: z.int().min(0).max(100).default(0),
  kind: z.string().max(40).default('DRAM'),
})

/** Half reads, half writes reach 0.82 to 0.91 of the read-only peak on six Xeons (Intel MLC): 0.25 gives 0.875. */
const WRITE_LOSS = 0.25

/** Fits of Intel MLC loaded-latency curves; saturation is the plateau at full injection. */
export const LOAD_CURVES = {
  intel: { a: 0.2, headroom: 1.08, saturation: 3.3, writeLoss: WRITE_LOSS },
  amd: { a: 0.09, headroom: 1.06, saturation: 4.4, writeLoss: WRITE_LOSS },
} as const

const LoadCurve = z.union(
  [
    z.enum(['intel', 'amd']),
    z.strictObject({
      a: positiveNumber,
      headroom: positiveNumber,
      saturation: z.number().min(1).max(100),
      writeLoss: z.number().min(0).max(0.95).default(WRITE_LOSS),
    }),
  ],
  { error: 'expected intel, amd or {a, headroom, saturation, writeLoss}' },
)

/** A last-level cache: of each group of cpus, or of the cpus of each node. */
const LastLevelCache = z.strictObject({
  size: quantity((text) => parseSize(text)),
  ways: z.int().min(1).max(1024),
  line: quantity((text) => parseSize(text)).default(64),
  replacement: z.enum(['lru', 'srrip']).default('lru'),
  sharedBy: z
    .array(quantity((text) => parseList(text, 'cpus')))
    .min(1)
    .max(4096)
    .optional(),
})

const Costs = z.strictObject({
  migrateCall: cost,
  migratePageFixed: cost,
  copyPerKiB: cost,
  migrateThp: cost,
  tlbFlush: cost,
  hintFault: cost,
  pageFault: cost,
  scanPte: cost,
  sample: cost,
})

export const MachineFile = z
  .strictObject({
    about: z.string().default(''),
    aliases: z.array(z.string()).default([]),
    sources: z.array(z.string()).default([]),
    evidence: z.string().default('not stated'),
    /** Remarks on single figures; shown by `machine show`. */
    notes: z.array(z.string()).default([]),
    /** Repeated in every report. */
    warnings: z.array(z.string()).default([]),
    nodes: z.array(Node).min(1).max(MOST_NODES),
    /** SLIT, rows = from. Left out: 10 local, 20 otherwise, as Linux does without a SLIT. */
    distance: z.array(z.array(Distance)).optional(),
    /** Says that the latencies below are less than measurements. */
    latencySource: z.enum(['measured', 'stated by firmware', 'partly measured']).default('measured'),
    /** Idle read latency of a last-level-cache miss, ns; rows = accessing node, columns = memory node. */
    readLatencyNs: PartialMatrix.optional(),
    writeLatencyNs: PartialMatrix.optional(),
    /** Share of a store miss's latency that the task waits for. Stores are posted: 50 % is a choice, not measured. */
    writeStall: quantity((text) => parseFraction(text)).default(0.5),
    /** Read bandwidth, 10^9 bytes/s; rows = accessing node, columns = memory node. */
    bandwidthGBps: PartialMatrix.optional(),
    loadCurve: LoadCurve.optional(),
    /** What `--cache llc` puts between a recording of every access and memory. */
    llc: LastLevelCache.optional(),
    costs: Costs.default({}),
  })
  .superRefine((file, context) => {
    const complain = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
    const ids = new Map<number, number>()
    const owner = new Map<number, number>()
    for (const [i, { id, cpus, memory }] of file.nodes.entries()) {
      if (ids.has(id)) complain(['nodes', i, 'id'], `node ${id} is listed twice`)
      ids.set(id, i)
      for (const cpu of cpus) {
        if (owner.has(cpu)) complain(['nodes', i, 'cpus'], `cpu ${cpu} already belongs to node ${owner.get(cpu)}`)
        owner.set(cpu, id)
      }
      if (memory > 2 ** 50) complain(['nodes', i, 'memory'], 'more than 1024 TiB')
    }
    if (owner.size === 0) complain(['nodes'], 'no node has cpus: nothing could access memory')
    if (file.nodes.every((node) => node.memory < 4096)) complain(['nodes'], 'no node has memory')
    for (const name of ['distance', 'readLatencyNs', 'writeLatencyNs', 'bandwidthGBps'] as const) {
      const matrix: ((number | null)[] | null)[] | undefined = file[name]
      const size = file.nodes.length
      if (matrix && matrix.length !== size) complain([name], `${matrix.length} rows for ${size} nodes`)
      matrix?.forEach((row, i) => {
        if (row && row.length !== size) complain([name, i], `${row.length} columns for ${size} nodes`)
      })
    }
    if (file.loadCurve && !file.bandwidthGBps) complain(['loadCurve'], 'a load curve needs bandwidthGBps')
    if (file.writeStall > 1) complain(['writeStall'], 'expected a share from 0 to 100%')
  })

/** As written in a file: what an importer produces. */
export type MachineDocument = z.input<typeof MachineFile>
/** Checked, with defaults filled in and units converted. */
export type MachineSettings = z.output<typeof MachineFile>
