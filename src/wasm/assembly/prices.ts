/** Cheapest paths of pages over memory nodes that have a price per tick: src/wasm/prices.ts says what is computed. */

/** Of a decision: ticks of the stay that follows, period << 2 | nodes that are reached by moving (two nodes); or four words, see `step`. */
const STEP_OF_TWO: usize = 8
const STEP: usize = 16

function add(at: usize, ticks: u32): void {
  store<f64>(at, load<f64>(at) + <f64>ticks)
}

/** Two nodes: what both cost so far stays in registers, which takes half the time of the loops over nodes below (26 against 49 ms). */
export function pricedPathsOfTwo(
  pages: u32,
  start: usize,
  tick: usize,
  cost: usize,
  until: usize,
  enters: usize,
  move: f64,
  periods: u32,
  periodStart: usize,
  perTick: usize,
  used: usize,
  trail: usize,
): f64 {
  const other = (<usize>periods) << 3
  let total: f64 = 0
  for (let p: usize = 0; p < <usize>pages; p++) {
    let first: f64 = 0
    let second: f64 = 0
    let period: u32 = 0
    let end = trail
    const last = load<u32>(start + (p << 2), 4)
    for (let touch = load<u32>(start + (p << 2)); touch < last; touch++) {
      const four = (<usize>touch) << 2
      let now = load<u32>(tick + four)
      while (load<u32>(periodStart + ((<usize>period) << 2), 4) <= now) period++
      const chance: f64 = load<u8>(enters + touch) === 1 ? 0 : move
      let through = min(first, second) + chance
      store<u32>(end, 1)
      store<u32>(end, (period << 2) | u32(first > through) | (u32(second > through) << 1), 4)
      end += STEP_OF_TWO
      let price = perTick + ((<usize>period) << 3)
      const own = cost + (four << 2)
      first = min(first, through) + (load<f64>(own) + load<f64>(price))
      second = min(second, through) + (load<f64>(own, 8) + load<f64>(price + other))
      now++
      const leaves = load<u32>(until + four)
      while (now < leaves) {
        while (load<u32>(periodStart + ((<usize>period) << 2), 4) <= now) period++
        const stop = min(leaves, load<u32>(periodStart + ((<usize>period) << 2), 4))
        through = min(first, second) + move
        store<u32>(end, stop - now)
        store<u32>(end, (period << 2) | u32(first > through) | (u32(second > through) << 1), 4)
        end += STEP_OF_TWO
        price = perTick + ((<usize>period) << 3)
        const ticks = <f64>(stop - now)
        first = min(first, through) + ticks * load<f64>(price)
        second = min(second, through) + ticks * load<f64>(price + other)
        now = stop
      }
    }
    let node = u32(second < first)
    total += min(first, second)
    while (end > trail) {
      end -= STEP_OF_TWO
      const decision = load<u32>(end, 4)
      add(used + ((<usize>(node * periods + (decision >>> 2))) << 3), load<u32>(end))
      node ^= (decision >>> node) & 1
    }
  }
  return total
}

/** One chance to move, before a stay of `ticks`: notes the cheapest node before it, the nodes reached by moving from there, period and ticks. */
function step(path: usize, width: u32, move: f64, period: u32, ticks: u32, out: usize): void {
  let least: u32 = 0
  let lowest = load<f64>(path)
  for (let m: u32 = 1; m < width; m++) {
    const one = load<f64>(path + ((<usize>m) << 3))
    if (one < lowest) {
      lowest = one
      least = m
    }
  }
  const through = lowest + move
  let moved: u32 = 0
  for (let m: u32 = 0; m < width; m++) {
    const at = path + ((<usize>m) << 3)
    const one = load<f64>(at)
    moved |= u32(one > through) << m
    store<f64>(at, min(one, through))
  }
  store<u32>(out, least)
  store<u32>(out, moved, 4)
  store<u32>(out, period, 8)
  store<u32>(out, ticks, 12)
}

/** Any number of nodes up to 32. path: f64 by node. */
export function pricedPaths(
  pages: u32,
  start: usize,
  tick: usize,
  cost: usize,
  until: usize,
  enters: usize,
  move: f64,
  periods: u32,
  periodStart: usize,
  perTick: usize,
  used: usize,
  trail: usize,
  width: u32,
  path: usize,
): f64 {
  const row = (<usize>periods) << 3
  let total: f64 = 0
  for (let p: usize = 0; p < <usize>pages; p++) {
    memory.fill(path, 0, (<usize>width) << 3)
    let period: u32 = 0
    let end = trail
    const last = load<u32>(start + (p << 2), 4)
    for (let touch = load<u32>(start + (p << 2)); touch < last; touch++) {
      let now = load<u32>(tick + ((<usize>touch) << 2))
      while (load<u32>(periodStart + ((<usize>period) << 2), 4) <= now) period++
      step(path, width, load<u8>(enters + touch) === 1 ? 0 : move, period, 1, end)
      end += STEP
      let price = perTick + ((<usize>period) << 3)
      let own = cost + ((<usize>(touch * width)) << 3)
      for (let m: usize = 0; m < (<usize>width) << 3; m += 8, own += 8, price += row) {
        store<f64>(path + m, load<f64>(path + m) + (load<f64>(own) + load<f64>(price)))
      }
      now++
      const leaves = load<u32>(until + ((<usize>touch) << 2))
      while (now < leaves) {
        while (load<u32>(periodStart + ((<usize>period) << 2), 4) <= now) period++
        const stop = min(leaves, load<u32>(periodStart + ((<usize>period) << 2), 4))
        step(path, width, move, period, stop - now, end)
        end += STEP
        price = perTick + ((<usize>period) << 3)
        for (let m: usize = 0; m < (<usize>width) << 3; m += 8, price += row) {
          store<f64>(path + m, load<f64>(path + m) + <f64>(stop - now) * load<f64>(price))
        }
        now = stop
      }
    }
    let node: u32 = 0
    let lowest = load<f64>(path)
    for (let m: u32 = 1; m < width; m++) {
      const one = load<f64>(path + ((<usize>m) << 3))
      if (one < lowest) {
        lowest = one
        node = m
      }
    }
    total += lowest
    while (end > trail) {
      end -= STEP
      add(used + ((<usize>(node * periods + load<u32>(end, 8))) << 3), load<u32>(end, 12))
      node = (load<u32>(end, 4) >>> node) & 1 ? load<u32>(end) : node
    }
  }
  return total
}
