// P12: the best placement over time by dynamic programming, against C on the same records, and against C on dense counts.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BENCH } from '../lib/bench.mjs'

const EPOCHS = 100

const pagesOf = (bench) => (bench.isFull ? 1_000_000 : 1_000_000 / (5 * bench.scale.shrink))

async function start(bench, env) {
  const pages = pagesOf(bench)
  const product = bench.product(env)
  const ours = () => product.run({ action: 'optimum', pages, epochs: EPOCHS })
  const { movePs, readPs, writePs, ps } = await ours()
  const costs = join(BENCH, 'build/costs.txt')
  writeFileSync(costs, [movePs, ...readPs, ...writePs].join('\n'))
  return { ours, ps, theirs: bench.native('optimum', 'pairs', pages, EPOCHS, costs), pages }
}

export default {
  ids: ['P12'],

  async check(bench) {
    const { ps, theirs } = await start(bench)
    bench.agree('the cost of the optimum', ps, (await theirs.run()).ps)
  },

  async measure(bench) {
    const { ours, theirs, pages } = await start(bench)
    const work = (pages * EPOCHS) / 1e6
    const common = { id: 'P12', unit: 'M page-epochs/s', work, ours }
    const what = `optimum, ${pages.toLocaleString('en')} pages × ${EPOCHS} epochs × 8 nodes`
    await bench.compare({ ...common, what, theirs: () => theirs.run(), against: 'the same exact algorithm on the same records, eight nodes a vector' })
    const densePages = Math.min(pages, 50_000)
    const dense = bench.native('optimum', 'dense', densePages, EPOCHS)
    await bench.compare({
      ...common,
      what: `${what}: dense counts`,
      theirs: () => dense.run(),
      theirsWork: (densePages * EPOCHS) / 1e6,
      against: 'dense counts in float, with the placement walked back',
      target: 0.6,
    })
    const fallback = await start(bench, { NUMAREPLAY_KERNELS: 'typescript' })
    await bench.compare({ ...common, what: `${what}: WebAssembly`, theirs: fallback.ours, against: 'our own TypeScript twin' })
  },
}
