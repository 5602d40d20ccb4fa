// Sweeps: points a second over the bundled recordings with one and two workers; what a point costs beyond its bare replay.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../lib/bench.mjs'

const POLICIES = ['first-touch', 'interleave', 'hot-page-daemon:period=500ms|1s|2s', 'numa-balancing']

export default {
  ids: ['sweep'],

  async measure(bench) {
    const folder = mkdtempSync(join(tmpdir(), 'numareplay-bench-'))
    const samples = join(ROOT, 'traces/samples')
    const isSmall = (name) => name.endsWith('.csv.gz') && !name.includes('residency') && !name.includes('mem-shift')
    for (const name of bench.some(readdirSync(samples).filter(isSmall))) copyFileSync(join(samples, name), join(folder, name))
    const seeds = bench.isFull ? 4 : 1
    writeFileSync(
      join(folder, 'plan.yaml'),
      `traces: '*.csv.gz'\nmachines: [spr-2s, 2s-plus-cxl, bdw-2s]\npolicies: [${POLICIES.map((p) => `'${p}'`).join(', ')}]\nseeds: 1-${seeds}\n`,
    )
    const store = join(folder, 'store')
    mkdirSync(store)
    const sweep = (jobs) => {
      rmSync(join(store, 'points'), { recursive: true, force: true })
      return bench.command('sweep', join(folder, 'plan.yaml'), '-o', store, '--jobs', String(jobs), '--json')
    }
    // the imports are made once, outside the measurement
    const { points } = JSON.parse(sweep(2).stdout)
    await bench.compare({
      id: 'sweep',
      what: `${points} points over bundled recordings, two workers, whole process`,
      unit: 'points/s',
      clock: 'wall',
      work: points,
      ours: () => sweep(2),
      theirs: () => sweep(1),
      against: 'one worker',
      warmUps: 0, // whole processes start cold every time
    })
    rmSync(folder, { recursive: true })
  },
}
