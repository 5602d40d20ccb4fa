import { definePolicy, memoryNodes, onAllocation, text } from '../src/policy/index.ts'

/** mm/mempolicy.c: weightiness, the largest weight. */
const WEIGHTINESS = 32

export default definePolicy({
  about: 'Pages are spread over the nodes in proportion to weights, by default their bandwidth',
  paper: 'set_mempolicy(2) MPOL_WEIGHTED_INTERLEAVE; mm/mempolicy.c:weighted_interleave_nid, reduce_interleave_weights (auto, since 6.16)',
  params: {
    weights: text('auto', 'one number per node with memory, such as 3,1; auto = by bandwidth; 1 each where bandwidth is unknown'),
  },
  rules({ machine }, { weights }) {
    const nodes = memoryNodes(machine)
    const turn: number[] = []
    const weightOf = weights === 'auto' ? byBandwidth(nodes.map((node) => machine.bandwidth(node))) : weights.split(',').map(Number)
    nodes.forEach((node, i) => {
      for (let n = 0; n < (weightOf[i] ?? 1); n++) turn.push(node)
    })
    return [onAllocation(({ vpage }) => turn[vpage % turn.length])]
  },
})

/** Bandwidths scaled to 1 … 32 and divided by what all have in common. */
function byBandwidth(bandwidths: (number | undefined)[]): number[] {
  if (bandwidths.some((bandwidth) => bandwidth === undefined)) return bandwidths.map(() => 1)
  const sum = (bandwidths as number[]).reduce((a, b) => a + b, 0)
  const scaled = (bandwidths as number[]).map((bandwidth) => Math.max(1, Math.floor((bandwidth * WEIGHTINESS) / sum)))
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
  const common = scaled.reduce(gcd)
  return scaled.map((weight) => weight / common)
}
