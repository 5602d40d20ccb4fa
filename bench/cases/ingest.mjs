// P8, P9: from CSV to the prepared file, against C that only fills columns, and csv-parse that only makes rows; peak memory.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { compress, init } from '@bokuweb/zstd-wasm'

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
        'on a busy machine, of 105 ns a row (C 68; the version before 172) 69 are the scan (107), 12 page ids, 11 reading. Done: up to 64 rows at a time, first where their cells end, by vectors of 16 bytes, then column by column what is in them, numbers of up to four digits in a word, longer ones and hexadecimal ones in a vector; a file is read on the thread that scans it (8 % of the whole then); a copy into the memory of the kernels is gone. Tried: cells of a row one after the other, ends and digits by vectors too (a quarter slower than byte by byte: what a row needs does not fit the registers); numbers eight digits at a time in words (a tenth slower), all numbers in vectors (8 % slower than words of eight and four); pages of 64 rows looked for together (no gain); batches of 1,024 rows instead of 2,048 (an import takes 96 %, one of packed words 100 %; of 512, 107 % and 111 %); crypto.hash in place of createHash for the digest (no gain)',
    })
    await row(dense, 'columns', { ...parser, target: 20 })
    const whole = `CSV of ${(rows / 1e6).toFixed(2)} M rows to the prepared file: scan, page ids, fold, digest, write`
    await row(whole, 'import', scanner)
    await row(whole, 'import', parser)
    await init()
    const forms = { gzip: (bytes) => gzipSync(bytes, { level: 1 }), zstd: (bytes) => compress(bytes, 3) }
    for (const [form, pack] of Object.entries(forms)) {
      const file = compressed(csv, form, pack)
      await bench.compare({
        id: 'P8',
        what: `CSV of ${(rows / 1e6).toFixed(2)} M rows in ${form} to the prepared file, decompressed in a thread beside it`,
        unit: 'M rows/s',
        work: rows / 1e6,
        clock: 'wall',
        ours: () => product.run({ action: 'import', file, out }),
        theirs: () => product.run({ action: 'import', file: csv, out }),
        against: 'the same import of plain CSV',
      })
    }
    rmSync(out, { force: true })

    const peak = (what, { peakBytes }, pages, accesses) =>
      bench.figure({
        id: 'P9',
        what: `peak memory beyond 8 B a page, import of ${what}, ${(accesses / 1e6).toFixed(1)} M accesses, ${pages.toLocaleString('en')} pages`,
        unit: 'MiB',
        value: (peakBytes - 8 * pages) / MIB,
        target: 150,
        reason:
          'Node with the code takes some 65 MiB; the page table up to 13 B a page, of which large ticks take over 4; blocks of 2^18 rows while they are read and written. It does not depend on when the garbage collector runs: encoded sections, saved states and the columns of the page list, made anew each time, had up to 30 MiB waiting for it (zipf 16M: 150 to 187 in eight runs); now they lie in memory that is used again (114 to 117)',
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

/** The file compressed, in members or frames of 16 MiB; made once. */
function compressed(file, form, pack) {
  const name = `${file}.${form}`
  if (existsSync(name) && statSync(name).mtimeMs > statSync(file).mtimeMs) return name
  const bytes = readFileSync(file)
  const parts = []
  for (let at = 0; at < bytes.length; at += 2 ** 24) parts.push(pack(bytes.subarray(at, at + 2 ** 24)))
  writeFileSync(name, Buffer.concat(parts))
  return name
}
