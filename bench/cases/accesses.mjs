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
  'tried: a shift of any width, four counters side by side (0.55 to 0.68 of C); byte offsets of counters in the words, banks at constant addresses, eight accesses a turn (0.76 to 0.93 on a busy machine); WebAssembly has no addressing mode for tables and adds the base of its memory each time'
const SLOWER_DECODING =
  'tried: DEFLATE wherever it was a quarter smaller (20 to 40 M accesses/s where hardly an access repeats its page), then frames unless DEFLATE saves 8 KiB a block, and one buffer for all blocks (70); where no access repeats its page, some 3 bytes an access are read, summed (crc32) and unpacked'

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
      bench.figure({ id: 'P10', what: `kept accesses, all columns, ${trace}`, unit: 'B/access', value: facts.bytes / facts.accesses, target: targets.P10 })
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
