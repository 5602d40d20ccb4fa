/** Damage of the kinds that copying, editing, transferring and malice do, as data: fast-check can shrink and repeat it. */
import fc from 'fast-check'

export interface Edit {
  kind: 'byte' | 'delete' | 'repeat' | 'fill' | 'cut' | 'digits' | 'text' | 'number' | 'word'
  /** Place, as a share of the length. */
  at: number
  length: number
  byte: number
  text: string
}

/** What parsers trip over. */
const NASTY = [
  ...['-1', '0', '99999999999999999999', '1e308', 'NaN', '0x', '65536', '251', '4294967296', '1-4000000000'],
  ...[',', '-', ':', '"', '<', '</', '>', '[', '{', '&amp;', '\n', '\t', '\0', '~', '*a', '&a', 'é', '\u2028', '__proto__', '../../etc/passwd'],
]
/** Counts and offsets that overflow something. */
const WORDS = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x0100_0000]

const PLACES = 1 << 20

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('byte', 'byte', 'delete', 'repeat', 'fill', 'cut', 'digits', 'text', 'number', 'word'),
  // doubles of fast-check crowd around 0, and so would the damage
  at: fc.noBias(fc.nat(PLACES - 1)).map((place) => place / PLACES),
  length: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2000 })),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 0x0a, 0x20, 0x2d, 0x30, 0x39, 0x7c, 0xff)),
  text: fc.constantFrom(...NASTY),
})

/** One of the samples, as a number, and what is done to it. */
export interface Damage {
  sample: number
  edits: Edit[]
}

export const damage: fc.Arbitrary<Damage> = fc.record({ sample: fc.noBias(fc.nat(1000)), edits: fc.array(edit, { minLength: 1, maxLength: 5 }) })

export const damagedBy = (samples: readonly Buffer[], { sample, edits }: Damage): Buffer => edits.reduce(apply, samples[sample % samples.length]!)

function apply(bytes: Buffer, { kind, at: share, length, byte, text }: Edit): Buffer {
  const at = Math.floor(share * bytes.length)
  const [before, middle, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)]
  switch (kind) {
    case 'byte':
      return Buffer.concat([before, Buffer.from([byte]), bytes.subarray(at + 1)])
    case 'delete':
      return Buffer.concat([before, after])
    case 'repeat':
      return Buffer.concat([before, middle, middle, after])
    case 'fill':
      return Buffer.concat([before, Buffer.alloc(length, byte), middle, after])
    case 'cut':
      return before
    case 'digits':
      return Buffer.concat([before, Buffer.from('9'.repeat(Math.min(length, 40))), after])
    case 'text':
      return Buffer.concat([before, Buffer.from(text), middle, after])
    case 'number':
      return replaceNumber(bytes, at, text)
    case 'word': {
      const word = Buffer.alloc(4)
      word.writeUInt32LE(WORDS[byte % WORDS.length]!)
      // binary formats keep their numbers at multiples of 4
      const aligned = at - (at % 4)
      return Buffer.concat([bytes.subarray(0, aligned), word, bytes.subarray(aligned + 4)])
    }
  }
}

/** The next number in a text becomes another one: what parsers trust most. */
function replaceNumber(bytes: Buffer, at: number, text: string): Buffer {
  const number = /\d+/.exec(bytes.subarray(at, at + 200).toString('latin1'))
  if (!number) return bytes
  const start = at + number.index
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(text), bytes.subarray(start + number[0].length)])
}
