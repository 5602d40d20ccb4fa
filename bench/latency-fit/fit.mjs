// node bench/latency-fit/fit.mjs: fits L = L0 (1 + a u/(1-u)), u = B/(s Bmax), to measured loaded-latency curves (Intel MLC
// output, points.csv), and prints how far the values that machines use by default are off. Writes residuals.csv beside it.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'csv-parse/sync'

const here = dirname(fileURLToPath(import.meta.url))
/** src/machine/machine-file.ts: LOAD_CURVES. */
const SHIPPED = { Intel: { a: 0.2, s: 1.08, plateau: 3.3 }, AMD: { a: 0.09, s: 1.06, plateau: 4.4 } }
/** Beyond this share of the headroom a point stands on the wall, where latency says nothing of bandwidth. */
const KNEE = 0.93

const curves = new Map()
for (const row of parse(readFileSync(join(here, 'points.csv')), { columns: true })) {
  const points = curves.get(row.curve) ?? []
  points.push({ vendor: row.vendor, latency: Number(row.latency_ns), bandwidth: Number(row.bandwidth_mbps) / 1000 })
  curves.set(row.curve, points)
}

const model = ({ idle, peak }, { a, s }, bandwidth) => {
  const u = bandwidth / (s * peak)
  return idle * (1 + (a * u) / (1 - u))
}
const belowKnee = (curve, s) => curve.points.filter(({ bandwidth }) => bandwidth / (s * curve.peak) <= KNEE)
const residuals = (curve, parameters) =>
  belowKnee(curve, parameters.s).map((point) => ({ ...point, error: model(curve, parameters, point.bandwidth) / point.latency - 1 }))
const rms = (list) => Math.sqrt(list.reduce((sum, { error }) => sum + error ** 2, 0) / list.length)
const percent = (share) => `${(100 * share).toFixed(1)}%`

const lines = ['curve,parameters,bandwidth_gbps,latency_ns,model_ns,error']
const table = []
for (const [name, points] of curves) {
  const curve = { points, idle: Math.min(...points.map(({ latency }) => latency)), peak: Math.max(...points.map(({ bandwidth }) => bandwidth)) }
  let best = { a: 0, s: 1, error: Number.POSITIVE_INFINITY }
  for (let s = 1.01; s <= 1.2001; s += 0.005) {
    for (let a = 0.02; a <= 0.5; a += 0.005) {
      const error = rms(residuals(curve, { a, s }))
      if (error < best.error) best = { a, s, error }
    }
  }
  const shipped = SHIPPED[points[0].vendor]
  const plateau = Math.max(...points.map(({ latency }) => latency)) / curve.idle
  table.push({
    curve: name,
    'L0 ns': curve.idle,
    'peak GB/s': Number(curve.peak.toFixed(0)),
    a: Number(best.a.toFixed(3)),
    s: Number(best.s.toFixed(3)),
    'rms of fit': percent(best.error),
    'rms of default': percent(rms(residuals(curve, shipped))),
    'worst point of default': percent(Math.max(...residuals(curve, shipped).map(({ error }) => Math.abs(error)))),
    'plateau / L0': Number(plateau.toFixed(2)),
    'default plateau': shipped.plateau,
  })
  for (const [which, parameters] of [
    ['fit', best],
    ['default', shipped],
  ]) {
    for (const { bandwidth, latency, error } of residuals(curve, parameters)) {
      lines.push([`"${name}"`, which, bandwidth.toFixed(1), latency, (latency * (1 + error)).toFixed(1), error.toFixed(4)].join(','))
    }
  }
}
console.table(table)
writeFileSync(join(here, 'residuals.csv'), `${lines.join('\n')}\n`)
