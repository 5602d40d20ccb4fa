// P8, P9: from CSV to the prepared file, against C that only fills columns, and csv-parse that only makes rows; peak memory.
import { rmSync } from 'node:fs'

const TRACE = 'mix 1M'
const MIB = 2 ** 20

export default {
  ids: ['P8', 'P9'],

  async measure(bench) {
    const rows = bench.scale.accesses / 4
    const csv = bench.generated(TRACE, 'csv', rows)
    const out = csv.replace(/csv$/, 'csv.nrt')
    const product = bench.product()
    const words = bench.native('csv', 'words', csv)
    const common = { id: 'P8', unit: 'M rows/s', ours: () => product.run({ action: 'import', file: csv, out }), work: rows / 1e6 }
    await bench.compare({
      ...common,
      what: `CSV of ${(rows / 1e6).toFixed(2)} M rows to the prepared file: scan, page ids, fold, digest, write`,
      theirs: () => words.run(),
      against: 'scan and page ids, eight bytes at a time',
      target: 0.65,
      reason: 'the row measures more than the target asks: the product also folds, digests (sha256) and writes; the C program fills columns in memory',
    })
    const few = Math.min(rows, 500_000)
    const small = bench.generated(TRACE, 'csv', few)
    await bench.compare({
      ...common,
      what: 'CSV to the prepared file',
      theirs: () => product.run({ action: 'csvParse', file: small }),
      theirsWork: few / 1e6,
      oursWork: rows / 1e6,
      against: 'csv-parse, rows of strings only',
      target: 20,
    })
    rmSync(out, { force: true })

    const peak = (what, { peakBytes }, pages, accesses) =>
      bench.figure({
        id: 'P9',
        what: `peak memory beyond 8 B a page, import of ${what}, ${(accesses / 1e6).toFixed(1)} M accesses, ${pages.toLocaleString('en')} pages`,
        unit: 'MiB',
        value: (peakBytes - 8 * pages) / MIB,
        target: 150,
        reason: 'Node itself takes some 50 MiB',
      })
    const { facts } = await bench.opened(TRACE)
    peak('CSV', bench.command('import', csv, '-o', out), facts.pages, rows)
    for (const trace of [TRACE, 'zipf 16M']) {
      const packed = bench.generated(trace)
      const { facts } = await bench.opened(trace)
      peak(trace, bench.importPacked(packed, packed.replace(/u32$/, 'p9.nrt')), facts.pages, facts.accesses)
    }
  },
}
