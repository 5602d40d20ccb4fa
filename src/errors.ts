/** Something the user can put right: a bad file, option or plug-in. Printed without a stack trace; exit code 2. */
export interface UserErrorParts {
  /** What is wrong, in one sentence. */
  problem: string
  /** What was expected, e.g. "a time such as 10ms". */
  expected?: string
  /** What came instead. */
  got?: string
  /** Where: file, 1-based line and column, field or option. */
  file?: string
  line?: number
  column?: number
  field?: string
  /** What to try next. */
  hint?: string
}

export class UserError extends Error {
  readonly parts: UserErrorParts

  constructor(problem: string | UserErrorParts, parts: Omit<UserErrorParts, 'problem'> = {}) {
    const all = typeof problem === 'string' ? { problem, ...parts } : problem
    super(describe(all))
    this.name = 'UserError'
    this.parts = all
  }
}

/** `trace.csv:12: field addr: address beyond 64 bits (expected …, got …). Try …` */
function describe({ problem, expected, got, file, line, column, field, hint }: UserErrorParts): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}${column === undefined ? '' : `:${column}`}: `
  const subject = field === undefined ? '' : `${field}: `
  const details = [expected && `expected ${expected}`, got !== undefined && `got ${got}`].filter(Boolean).join(', ')
  return `${place}${subject}${problem}${details ? ` (${details})` : ''}${hint ? `. ${hint}` : ''}`
}

/** The one word in `known` closest to `word` (edit distance at most a third of its length), for "did you mean". */
export function closest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(word, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitute = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(substitute, previous[j]! + 1, current[j - 1]! + 1))
    }
    previous = current
  }
  return previous[b.length]!
}
