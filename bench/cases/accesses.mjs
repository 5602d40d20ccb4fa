// P1, P2, P10, P11 on single accesses that a prepared file keeps: counting each on the node of its page, against the same loop in C;
// the bytes that they take, and how fast they come out of the file.
const CASES = {
  'zipf 10k': { P1: 0.85, P11: 140 },
  'zipf 1M': { P2: 0.75, P10: 3.1, P11: 140 },
  'zipf 16M': { P2: 0.85 },
  'mix 1M': { P2: 0.75, P10: 0.55, P11: 140 },
  'stream 1M': { P2: 0.75 },
}

/** The kernel was tried with a shift of any width (0.55 to 0.68 of C), then with counters' byte offsets in the words and constant addresses. */
const REASON =
  'the same algorithm as C: WebAssembly adds the base of its memory to every address and has no addressing mode for tables; with a variable shift it was at 0.55 to 0.68, with byte offsets in the words, counters at constant addresses and eight accesses a turn it is at this'

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
        reason: REASON,
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
