/**
 * Text widths from the advances of the DejaVu fonts that also draw the PNGs. Without a browser Vega only guesses widths;
 * with these the layout is right, and the same bytes on every machine.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const FONT_FOLDER = join(dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf')

export const FONT_FILES = { normal: join(FONT_FOLDER, 'DejaVuSans.ttf'), bold: join(FONT_FOLDER, 'DejaVuSans-Bold.ttf') }

class Font {
  readonly #unitsPerEm: number
  readonly #advanceOf: (codePoint: number) => number

  constructor(file: string) {
    const bytes = readFileSync(file)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const tables = tableOffsets(view)
    this.#unitsPerEm = view.getUint16(tables['head']! + 18)
    const advances = view.getUint16(tables['hhea']! + 34)
    const glyphOf = glyphLookup(view, tables['cmap']!)
    this.#advanceOf = (codePoint) => view.getUint16(tables['hmtx']! + 4 * Math.min(glyphOf(codePoint), advances - 1))
  }

  width(text: string, size: number): number {
    let units = 0
    for (const letter of text) units += this.#advanceOf(letter.codePointAt(0)!)
    return (units * size) / this.#unitsPerEm
  }
}

function tableOffsets(view: DataView): Record<string, number> {
  const offsets: Record<string, number> = {}
  for (let i = 0; i < view.getUint16(4); i++) {
    const entry = 12 + 16 * i
    const tag = String.fromCharCode(...[0, 1, 2, 3].map((k) => view.getUint8(entry + k)))
    offsets[tag] = view.getUint32(entry + 8)
  }
  return offsets
}

/** Reads a cmap subtable of format 4 (segments over the basic plane), which every TrueType font has. */
function glyphLookup(view: DataView, cmap: number): (codePoint: number) => number {
  let table = -1
  for (let i = 0; i < view.getUint16(cmap + 2); i++) {
    const offset = cmap + view.getUint32(cmap + 4 + 8 * i + 4)
    if (view.getUint16(offset) === 4) table = offset
  }
  if (table === -1) throw new Error('font without a cmap of format 4')
  const segments = view.getUint16(table + 6) / 2
  const at = (array: number, segment: number): number => table + 14 + array * 2 * segments + (array > 0 ? 2 : 0) + 2 * segment
  return (codePoint) => {
    for (let i = 0; i < segments; i++) {
      if (codePoint > view.getUint16(at(0, i))) continue
      if (codePoint < view.getUint16(at(1, i))) return 0
      const rangeOffset = view.getUint16(at(3, i))
      if (rangeOffset === 0) return (codePoint + view.getInt16(at(2, i))) & 0xffff
      return view.getUint16(at(3, i) + rangeOffset + 2 * (codePoint - view.getUint16(at(1, i))))
    }
    return 0
  }
}

const fonts = new Map<string, Font>()

/** Width in pixels as DejaVu Sans sets it. */
export function textWidth(text: string, size: number, isBold = false): number {
  const file = isBold ? FONT_FILES.bold : FONT_FILES.normal
  let font = fonts.get(file)
  if (!font) {
    font = new Font(file)
    fonts.set(file, font)
  }
  return font.width(text, size)
}
