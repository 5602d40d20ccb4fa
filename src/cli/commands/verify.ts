import { existsSync } from 'node:fs'
import { UserError } from '../../errors.ts'
import { machine } from '../../machine/index.ts'
import { VERSION } from '../../package.ts'
import { type CheckedLane, checkAccesses, planOf } from '../../replay/index.ts'
import { KeptAccesses, type VerifiedFile, verifyNative } from '../../trace/index.ts'
import { formatCount, formatSize } from '../../units.ts'
import { defineCommand, EXIT, once, printJson } from '../command.ts'
import { progressBar } from '../progress.ts'

export default defineCommand({
  command: 'verify <file>',
  describe: 'Check all of a native file; with kept accesses also its fold and what replay counts, access by access',
  builder: (args) =>
    args
      .positional('file', { type: 'string', demandOption: true, describe: 'native file (.nrt)' })
      .option('machine', { alias: 'm', type: 'string', requiresArg: true, coerce: once('machine'), default: '2-socket', describe: 'preset or machine file' })
      .option('policy', {
        alias: 'p',
        type: 'string',
        array: true,
        requiresArg: true,
        default: ['first-touch', 'interleave'],
        describe: 'policy whose counters are checked, as long as it leaves pages where they are; repeat it',
      })
      .option('progress', { type: 'boolean', default: true, describe: 'progress on a terminal' })
      .option('json', { type: 'boolean', describe: 'one JSON document on stdout' })
      .example('$0 import rec.csv.gz --keep-accesses -o rec.nrt && $0 verify rec.nrt', 'is the fold what the recording says?'),
  async handler(args) {
    const file = args['file'] as string
    if (!existsSync(file)) throw new UserError('no such file', { file, expected: 'a native file (.nrt)' })
    const bar = progressBar('folding again', args['progress'] === true)
    const verified = await verifyNative(file, bar.update).finally(bar.stop)
    const { trace, differences } = verified
    const kept = KeptAccesses.of(trace)
    const plan = kept && (await planOf({ trace, machine: machine(args['machine'] as string), policies: args['policy'] as string[], heat: false }))
    const lanes = plan?.lanes.map((policy) => checkAccesses(plan.context, policy, kept!)) ?? []
    if (args['json'])
      printJson({
        schema: 'numareplay/verify/1',
        version: VERSION,
        file,
        bytes: verified.bytes,
        blocks: verified.blocks,
        keptBlocks: verified.accessBlocks ?? 0,
        accesses: trace.meta.accesses,
        differences,
        lanes: lanes.map(({ label, verdict }) => ({ label, verdict })),
      })
    else process.stdout.write(`${describe(file, verified, lanes)}\n`)
    return differences.length > 0 || lanes.some(({ verdict }) => verdict === 'different') ? EXIT.doneWithFindings : EXIT.done
  },
})

function describe(file: string, { trace, bytes, blocks, accessBlocks, differences }: VerifiedFile, lanes: CheckedLane[]): string {
  const lines = [`${file}: ${formatSize(bytes)}, every checksum is right, every column as it must be (${formatCount(blocks)} blocks of ticks)`]
  if (accessBlocks === undefined) return [...lines, 'no single accesses are kept: the fold has nothing to be compared with (import --keep-accesses)'].join('\n')
  const records = `${formatCount(trace.meta.records)} records in ${formatCount(accessBlocks)} blocks`
  lines.push(differences.length === 0 ? `${records} fold again into the same ticks and tables` : `${records} fold into something else:`)
  for (const difference of differences) lines.push(`  ${difference}`)
  return [...lines, ...lanes.map(laneText)].join('\n')
}

const TEXT = {
  same: 'counted one by one, accesses come out as from the fold, by node of the cpu and of the page',
  different: 'counted one by one, accesses DIFFER from the fold',
  'not static': 'pages moved or the lane ended early: not counted one by one',
}

const laneText = ({ label, verdict }: CheckedLane): string => `${label}: ${TEXT[verdict]}`
