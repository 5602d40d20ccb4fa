// P1, P2, P10, P11 on single accesses that a prepared file keeps: counting each on the node of its page, against the same loop in C;
// the bytes that they take, and how fast they come out of the file.
const CASES = {
  'zipf 10k': { P1: 0.85, P11: 140 },
  'zipf 1M': { P2: 0.75, P10: 3.1, P11: 140 },
  'zipf 16M': { P2: 0.85 },
  'mix 1M': { P2: 0.75, P10: 0.55, P11: 140 },
  'stream 1M': { P2: 0.75 },
}

const SLOWER_COUNTING =
  'tried: a shift of any width, four counters side by side (0.55 to 0.68 of C); byte offsets of counters in the words, banks at constant addresses, eight accesses a turn (0.76 to 0.93 on a busy machine; by itself, in seven rounds, 0.94 [0.91 … 0.95]); WebAssembly has no addressing mode for tables and adds the base of its memory each time'
const SLOWER_DECODING =
  'zeroing shared memory byte by byte took half of the time: blocks are now read where kernels unpack them, into memory that is not zeroed, and runs of one access go four at a time (busy machine: zipf 1M 28 to 35 before, 106 to 147 since; zipf 10k 31 to 38 and 113 to 140). Tried before: DEFLATE wherever it was a quarter smaller (20 to 40 where hardly an access repeats its page); frames unless DEFLATE saves 8 KiB a block; one buffer for all blocks. Left: some 3 bytes an access are read, summed (crc32) and unpacked'
const LARGER =
  'of 3.08 B the page takes 2.4, the actor 0.51, write or not 0.13. Tried: low bits in frames and the rest of at most an eighth of the values beside them (3.15 to 3.08; of half of them 2.87, but decoding took a third longer); DEFLATE of longer runs and times would have saved an estimated 0.05'

export default {
  ids: ['P1', 'P2', 'P10', 'P11'],

  async check(bench) {
    for (const trace of bench.some(Object.keys(CASES))) {
      const { product } = await kept(bench, trace)
      const static4 = bench.native('replay', 'static4', bench.generated(trace))
      const { counters } = await product.run({ action: 'countAccesses' })
      bench.agree(`kept accesses by (cpu node, memory node, op) under first touch, ${trace}`, counters, (await static4.run()).counters)
      await bench.endCase()
    }
  },

  async measure(bench) {
    for (const [trace, targets] of bench.some(Object.entries(CASES))) {
      const { product, facts } = await kept(bench, trace)
      const static4 = bench.native('replay', 'static4', bench.generated(trace))
      const id = targets.P1 ? 'P1' : 'P2'
      const common = {
        id,
        unit: 'M accesses/s',
        work: facts.accesses / 1e6,
        theirs: () => static4.run(),
        against: 'static placement at each access, four banks of counters',
      }
      await bench.compare({
        ...common,
        what: `static replay per access, words in memory, ${trace}`,
        ours: () => product.run({ action: 'countAccesses' }),
        target: targets[id],
        reason: SLOWER_COUNTING,
      })
      await bench.compare({
        ...common,
        what: `static replay per access from the file, decoding included, ${trace}`,
        ours: () => product.run({ action: 'countFromFile' }),
      })
      bench.figure({
        id: 'P10',
        what: `kept accesses, all columns, ${trace}`,
        unit: 'B/access',
        value: facts.bytes / facts.accesses,
        target: targets.P10,
        reason: LARGER,
      })
      const rates = []
      for (let round = -1; round < bench.rounds; round++) {
        const { cpu } = await product.run({ action: 'decodeAccesses' })
        if (round >= 0) rates.push(facts.accesses / 1e6 / cpu)
      }
      bench.figure({
        id: 'P11',
        what: `kept accesses, from the file to words, ${trace}`,
        unit: 'M accesses/s',
        value: rates.sort((a, b) => a - b)[rates.length >> 1],
        target: targets.P11,
        atLeast: true,
        reason: SLOWER_DECODING,
      })
      await bench.endCase()
    }
  },
}

async function kept(bench, trace) {
  const product = bench.product()
  const facts = await product.run({ action: 'openAccesses', file: bench.imported(trace, '--keep-accesses') })
  return { product, facts }
}
