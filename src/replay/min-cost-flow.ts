/**
 * Minimum-cost flow by successive shortest paths with potentials (Ahuja, Magnanti, Orlin, Network Flows, §9.7). Integer
 * capacities and costs; costs may be negative as long as the graph has no cycle, whose topological order the caller knows.
 */
export class MinCostFlow {
  readonly #firstArc: Int32Array
  /** Arc 2k and its reverse 2k+1: target, residual capacity, cost, next arc of the same source. */
  readonly #to: Int32Array
  readonly #left: Float64Array
  readonly #cost: Float64Array
  readonly #next: Int32Array
  #arcs = 0
  readonly #potential: Float64Array
  readonly #distance: Float64Array
  readonly #cameBy: Int32Array
  readonly #heap: MinHeap

  constructor(nodes: number, arcs: number) {
    this.#firstArc = new Int32Array(nodes).fill(-1)
    this.#to = new Int32Array(2 * arcs)
    this.#left = new Float64Array(2 * arcs)
    this.#cost = new Float64Array(2 * arcs)
    this.#next = new Int32Array(2 * arcs)
    this.#potential = new Float64Array(nodes)
    this.#distance = new Float64Array(nodes)
    this.#cameBy = new Int32Array(nodes)
    this.#heap = new MinHeap()
  }

  arc(from: number, to: number, capacity: number, cost: number): void {
    this.#half(from, to, capacity, cost)
    this.#half(to, from, 0, -cost)
  }

  #half(from: number, to: number, capacity: number, cost: number): void {
    const arc = this.#arcs++
    this.#to[arc] = to
    this.#left[arc] = capacity
    this.#cost[arc] = cost
    this.#next[arc] = this.#firstArc[from]!
    this.#firstArc[from] = arc
  }

  /** Least cost of sending `amount`, which must pass. */
  send(source: number, sink: number, amount: number, order: Uint32Array): number {
    this.#initialPotentials(source, order)
    let total = 0
    while (amount > 0) {
      this.#shortestPath(source, sink)
      let part = amount
      for (let node = sink; node !== source; node = this.#to[this.#cameBy[node]! ^ 1]!) part = Math.min(part, this.#left[this.#cameBy[node]!]!)
      for (let node = sink; node !== source; node = this.#to[this.#cameBy[node]! ^ 1]!) {
        const arc = this.#cameBy[node]!
        this.#left[arc]! -= part
        this.#left[arc ^ 1]! += part
        total += part * this.#cost[arc]!
      }
      amount -= part
    }
    return total
  }

  /** Shortest distances in the acyclic graph, so that no reduced cost is negative from the start. */
  #initialPotentials(source: number, order: Uint32Array): void {
    const potential = this.#potential.fill(Number.POSITIVE_INFINITY)
    potential[source] = 0
    for (const node of order) {
      for (let arc = this.#firstArc[node]!; arc >= 0; arc = this.#next[arc]!) {
        if ((arc & 1) === 1) continue
        const through = potential[node]! + this.#cost[arc]!
        if (through < potential[this.#to[arc]!]!) potential[this.#to[arc]!] = through
      }
    }
  }

  /** Dijkstra on reduced costs, until the sink is settled. */
  #shortestPath(source: number, sink: number): void {
    const distance = this.#distance.fill(Number.POSITIVE_INFINITY)
    const potential = this.#potential
    const heap = this.#heap
    heap.clear()
    distance[source] = 0
    heap.push(0, source)
    while (heap.size > 0) {
      const far = heap.leastKey
      const node = heap.pop()
      if (far > distance[node]!) continue
      if (node === sink) break
      for (let arc = this.#firstArc[node]!; arc >= 0; arc = this.#next[arc]!) {
        if (this.#left[arc] === 0) continue
        const to = this.#to[arc]!
        const through = far + this.#cost[arc]! + potential[node]! - potential[to]!
        if (through < distance[to]!) {
          distance[to] = through
          this.#cameBy[to] = arc
          heap.push(through, to)
        }
      }
    }
    const reached = distance[sink]!
    if (reached === Number.POSITIVE_INFINITY) throw new Error('the flow does not pass')
    for (let node = 0; node < potential.length; node++) potential[node]! += Math.min(distance[node]!, reached)
  }
}

/** Binary heap of (key, value); old entries of a value stay and are skipped by the caller. */
class MinHeap {
  #keys = new Float64Array(1024)
  #values = new Int32Array(1024)
  size = 0

  get leastKey(): number {
    return this.#keys[0]!
  }

  clear(): void {
    this.size = 0
  }

  push(key: number, value: number): void {
    if (this.size === this.#keys.length) this.#grow()
    let i = this.size++
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (this.#keys[parent]! <= key) break
      this.#keys[i] = this.#keys[parent]!
      this.#values[i] = this.#values[parent]!
      i = parent
    }
    this.#keys[i] = key
    this.#values[i] = value
  }

  pop(): number {
    const top = this.#values[0]!
    const key = this.#keys[--this.size]!
    const value = this.#values[this.size]!
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= this.size) break
      if (child + 1 < this.size && this.#keys[child + 1]! < this.#keys[child]!) child++
      if (this.#keys[child]! >= key) break
      this.#keys[i] = this.#keys[child]!
      this.#values[i] = this.#values[child]!
      i = child
    }
    this.#keys[i] = key
    this.#values[i] = value
    return top
  }

  #grow(): void {
    const keys = new Float64Array(this.#keys.length * 2)
    const values = new Int32Array(keys.length)
    keys.set(this.#keys)
    values.set(this.#values)
    this.#keys = keys
    this.#values = values
  }
}
