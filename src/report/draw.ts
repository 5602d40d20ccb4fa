/**
 * Charts to Vega, SVG and PNG. Vega loads only when something is drawn. The same chart gives the same bytes: random numbers
 * are seeded, ids start over, and text is measured with the font's own widths.
 */

import type { VegaLiteSpec } from './bind.ts'
import { FONT_FILES, textWidth } from './font-metrics.ts'

/** A compiled chart with what the compiler had to say about it. */
export interface CompiledChart {
  vega: Record<string, unknown>
  warnings: string[]
}

export async function compileChart(spec: VegaLiteSpec): Promise<CompiledChart> {
  const { compile } = await import('vega-lite')
  const warnings: string[] = []
  const note = (...texts: unknown[]): never => {
    warnings.push(texts.join(' '))
    return logger as never
  }
  const logger = { level: () => logger, error: note, warn: note, info: () => logger, debug: () => logger }
  const { spec: vega } = compile(spec as never, { logger: logger as never })
  return { vega: vega as Record<string, unknown>, warnings }
}

interface TextItem {
  fontSize?: number
  fontWeight?: number | string
  limit?: number
}

/** Parts of Vega that its type declarations leave out. */
interface VegaInternals {
  textMetrics: { width(item: TextItem, text: unknown): number }
  setRandom(random: unknown): void
  randomLCG(seed: number): unknown
}

function measure({ fontSize = 11, fontWeight, limit = 0 }: TextItem, text: unknown): number {
  const isBold = fontWeight === 'bold' || Number(fontWeight) >= 600
  const width = textWidth(String(text ?? '').trim(), Number(fontSize), isBold)
  return limit > 0 ? Math.min(width, limit) : width
}

export async function drawSvg(spec: VegaLiteSpec): Promise<string> {
  const vega = await import('vega')
  const internals = vega as unknown as VegaInternals
  internals.textMetrics.width = measure
  internals.setRandom(internals.randomLCG(1))
  vega.resetSVGDefIds()
  const { vega: compiled } = await compileChart(spec)
  const loader = { ...vega.loader(), load: refuse, sanitize: refuse, http: refuse, file: refuse }
  const view = new vega.View(vega.parse(compiled as never), { renderer: 'none', loader: loader as never, logLevel: vega.Error })
  const svg = await view.toSVG()
  view.finalize()
  return rounded(svg)
}

/** A hundredth of a pixel is enough: files half the size, and no digits that only floating point can explain. */
const rounded = (svg: string): string =>
  svg.replaceAll(/ (d|transform|x|y|x1|x2|y1|y2|width|height|points)="([^"]*)"/g, (_, name: string, value: string) => {
    return ` ${name}="${value.replaceAll(/-?\d+\.\d{3,}(e-?\d+)?/g, (number) => String(Math.round(Number(number) * 100) / 100))}"`
  })

/** Charts draw what they are given: no spec reads a URL or a file. */
const refuse = (): Promise<never> => Promise.reject(new Error('a chart may not load anything'))

/** At `scale` 2 a picture is sharp on dense screens and in print. */
export async function drawPng(spec: VegaLiteSpec, scale = 2): Promise<Uint8Array> {
  return svgToPng(await drawSvg(spec), scale)
}

export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  const { Resvg } = await import('@resvg/resvg-js')
  const font = {
    loadSystemFonts: false,
    fontFiles: Object.values(FONT_FILES),
    defaultFontFamily: 'DejaVu Sans',
    sansSerifFamily: 'DejaVu Sans',
  }
  return new Uint8Array(new Resvg(svg, { font, fitTo: { mode: 'zoom', value: scale } }).render().asPng())
}
