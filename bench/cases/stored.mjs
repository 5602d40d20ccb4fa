// P10, P11: bytes an access takes in the prepared file, and how fast it is decoded.
import { statSync } from 'node:fs'

/** Bytes an access. */
const TARGETS = { 'mix 1M': 0.55, 'zipf 1M': 3.1, 'stream 1M': undefined }

export default {
  ids: ['P10', 'P11'],

  async measure(bench) {
    for (const [trace, target] of bench.some(Object.entries(TARGETS))) {
      const file = bench.imported(trace)
      const { facts } = await bench.opened(trace)
      bench.figure({
        id: 'P10',
        what: `stored fold, ${trace}`,
        unit: 'B/access',
        value: statSync(file).size / facts.accesses,
        target,
        reason: 'a short trace: tables of pages and ticks are spread over few accesses',
      })
      const product = bench.product()
      const rates = []
      for (let round = -1; round < bench.rounds; round++) {
        const { cpu } = await product.run({ action: 'decode', file })
        if (round >= 0) rates.push(facts.accesses / 1e6 / cpu)
      }
      bench.figure({
        id: 'P11',
        what: `decoding the stored fold, ${trace}`,
        unit: 'M accesses/s',
        value: rates.sort((a, b) => a - b)[rates.length >> 1],
        target: trace === 'stream 1M' ? undefined : 140,
        atLeast: true,
        reason:
          'of zipf 1M, the 4.5 M touches take the most: each looks up its pair, which lies anywhere among those of its tick. Tried: loads of 128 touches together, indexes as differences; then (of 160 to 220 ms in all, on a busy machine) page and actor of a pair in one word of 32 bits, so that a tick has 1.3 MB to look up and not 5 (1.3 times as fast), sums and pairs four at a time by vectors, and files read to where the kernels are',
      })
    }
  },
}
