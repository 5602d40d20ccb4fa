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
    const few = Math.min(rows, 500_000)
    const small = bench.generated(TRACE, 'csv', few)
    const scanner = { theirs: () => words.run(), against: 'scan and page ids, eight bytes at a time' }
    const parser = { theirs: () => product.run({ action: 'csvParse', file: small }), theirsWork: few / 1e6, against: 'csv-parse, rows of strings only' }
    const row = (what, action, more) =>
      bench.compare({ id: 'P8', what, unit: 'M rows/s', work: rows / 1e6, oursWork: rows / 1e6, ours: () => product.run({ action, file: csv, out }), ...more })
    const dense = 'CSV to dense columns in memory: read, scan, page ids'
    await row(dense, 'columns', {
      ...scanner,
      target: 0.65,
      reason:
        'the kernel that scans reads 24 M rows a CPU second, C as a whole 21; the rest of our time is reading through Node and copying into the memory of the kernels. Eight bytes at a time were slower in WebAssembly (20 M rows), hexadecimal digits alone so too (12 against 13 on a busier machine)',
    })
    await row(dense, 'columns', { ...parser, target: 20 })
    const whole = `CSV of ${(rows / 1e6).toFixed(2)} M rows to the prepared file: scan, page ids, fold, digest, write`
    await row(whole, 'import', scanner)
    await row(whole, 'import', parser)
    rmSync(out, { force: true })

    const peak = (what, { peakBytes }, pages, accesses) =>
      bench.figure({
        id: 'P9',
        what: `peak memory beyond 8 B a page, import of ${what}, ${(accesses / 1e6).toFixed(1)} M accesses, ${pages.toLocaleString('en')} pages`,
        unit: 'MiB',
        value: (peakBytes - 8 * pages) / MIB,
        target: 150,
        reason:
          'Node with the code takes some 65 MiB; the page table up to 13 B a page, and 4 where ticks are large; blocks of 2^18 rows while they are read and written',
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
