/**
 * Spatial sampling: which pages of a recording are kept. A page is kept when the hash of its process and address says so, one
 * in so many, whatever comes before or after it (SHARDS: Waldspurger et al., FAST 2015); the pages that get many accesses are
 * kept all, because they decide the error. Which those are is found by a first reading of the recording (hot-pages.ts).
 */
import { UserError } from '../errors.ts'

/** Pages of which every one is kept. */
export interface HotPages {
  readonly count: number
  /** `hash` = pageHash of the page: most pages are told apart by it alone. */
  has(pid: number, high: number, low: number, hash: number): boolean
}

export interface PageSample {
  /** One page in so many is kept, and stands for so many. */
  oneIn: number
  hot: HotPages
}

/** What a kept page is. */
export const LEFT_OUT = 0
export const EXACT = 1
export const SAMPLED = 2

/** Is the page at `high * 2^32 + low` (virtual page number) of process `pid` kept, and as what? */
export function kindOf({ oneIn, hot }: PageSample, pid: number, high: number, low: number): typeof LEFT_OUT | typeof EXACT | typeof SAMPLED {
  const hash = pageHash(pid, high, low)
  if (hot.has(pid, high, low, hash)) return EXACT
  return hash < 2 ** 32 / oneIn ? SAMPLED : LEFT_OUT
}

/** 32 well-mixed bits of a page's identity (murmur3 over three words). */
export function pageHash(pid: number, high: number, low: number): number {
  let hash = mixed(mixed(mixed(0, pid), high), low)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function mixed(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51)
  const rotated = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593)
  return (Math.imul((rotated << 13) | (rotated >>> 19), 5) + 0xe6546b64) | 0
}

/** `1/100`, `1%` or `0.01` -> 100: pages stand for whole numbers of pages. 1 = nothing is left out. */
export function parseSampleRate(text: string, field = '--sample'): number {
  const match = /^(?:1\s*\/\s*(\d+)|(\d+(?:\.\d+)?)(%?))$/.exec(text.trim())
  const oneIn = match?.[1] !== undefined ? Number(match[1]) : match ? (match[3] === '%' ? 100 : 1) / Number(match[2]) : Number.NaN
  const whole = Math.round(oneIn)
  if (!(whole >= 1 && whole <= MOST && Math.abs(oneIn - whole) < 1e-6 * whole))
    throw new UserError('not a share of pages', { field, expected: 'one page in so many, such as 1/100 or 1%', got: JSON.stringify(text) })
  return whole
}

/** Beyond it no trace has enough pages. */
const MOST = 1e6
