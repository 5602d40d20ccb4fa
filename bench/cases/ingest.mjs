// P8, P9: from CSV to the prepared file, against C that only fills columns, and csv-parse that only makes rows; peak memory.
import { rmSync } from 'node:fs'

const TRACE = 'mix 1M'
const MIB = 2 ** 20

export default {
  ids: ['P8', 'P9'],

  async check(bench) {
    const csv = bench.generated(TRACE, 'csv', bench.scale.accesses / 4)
    const { pages, hash } = await bench.native('csv', 'words', csv).run()
    const ours = await bench.product().run({ action: 'columns', file: csv })
    bench.agree('pages, and the sum of page ids by cpu and operation, of a CSV file', { pages: ours.pages, hash: ours.hash }, { pages, hash })
  },

  async measure(bench) {
    const rows = bench.scale.accesses / 4
    const csv = bench.generated(TRACE, 'csv', rows)
    const out = csv.replace(/csv$/, 'csv.nrt')
    const product = bench.product()
    const words = bench.native('csv', 'words', csv)
    const scan = { theirs: () => words.run(), against: 'scan and page ids, eight bytes at a time', target: 0.65 }
    await bench.compare({
      id: 'P8',
      unit: 'M rows/s',
      work: rows / 1e6,
      what: 'CSV to dense columns in memory: read, scan, page ids',
      ours: () => product.run({ action: 'columns', file: csv }),
      ...scan,
      reason:
        'C takes 47 ns a row for all of it. Of the product’s time, reading into one buffer and copying into the memory of the kernels take about a quarter; the scan is a byte loop, 23 M rows/s where C does 24 to 29; eight bytes at a time were measured too and are slower in WebAssembly: 20 M rows/s',
    })
    const common = { id: 'P8', unit: 'M rows/s', ours: () => product.run({ action: 'import', file: csv, out }), work: rows / 1e6 }
    await bench.compare({
      ...common,
      what: `CSV of ${(rows / 1e6).toFixed(2)} M rows to the prepared file: scan, page ids, fold, digest, write`,
      ...scan,
      target: undefined,
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
