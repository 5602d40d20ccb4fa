/**
 * Valgrind's lackey, `--trace-mem=yes`: one line per instruction (I), load (L), store (S) or modify (M), address in hex, size.
 * lk_main.c prints no time and no thread; with `--trace-sched=yes` Valgrind names the thread that takes its big lock.
 */
import { UserError } from '../src/errors.ts'
import { type AccessKind, damaged, defineFormat, MODIFY, READ, type TraceWriter, WRITE } from '../src/trace/index.ts'

const NEWLINE = 10
const BLANK = 32
const COMMA = 44
const [I, L, M, S] = ['I', 'L', 'M', 'S'].map((letter) => letter.charCodeAt(0)) as [number, number, number, number]
const EXAMPLE = /^(?:I {2}| [LSM] )[0-9a-f]{1,16},\d+\r?$/m
const LONGEST_LINE = 1 << 20

/** Value of a hexadecimal digit, else 255. */
const HEX = new Uint8Array(256).fill(255)
for (let value = 0; value < 16; value++) HEX[value.toString(16).charCodeAt(0)] = value

export default defineFormat({
  about: 'Valgrind lackey with --trace-mem=yes: every load and store of one program, before any cache',
  extensions: ['.lackey'],
  carries: ['accesses', 'tasks'],
  fidelity: 'every access',

  recognise({ text }) {
    return EXAMPLE.test(text) ? 0.95 : 0
  },

  async read(bytes, trace, context) {
    const log = new LackeyLog(trace)
    let rest: Uint8Array = new Uint8Array(0)
    for await (const chunk of bytes) {
      const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const end = all.lastIndexOf(NEWLINE) + 1
      log.lines(all, end)
      rest = all.subarray(end)
      if (rest.length > LONGEST_LINE)
        throw new UserError('a line longer than 1 MiB', { file: context.file, line: trace.line + 1, hint: 'Is this a lackey log?' })
    }
    if (rest.length > 0 && context.lenient) damaged(trace, context, { problem: 'the last line has no end', line: trace.line + 1, dropped: 1 })
    else if (rest.length > 0) {
      const last = Buffer.from(rest).toString('latin1')
      if (/^(?:I {2}| [LSM] )/.test(last) && !EXAMPLE.test(last))
        damaged(trace, context, { problem: 'the last line is cut off', line: trace.line + 1, dropped: 1 })
      log.lines(Buffer.concat([rest, Buffer.from('\n')]), rest.length + 1)
    }
    log.finish()
  },
})

class LackeyLog {
  readonly #trace: TraceWriter
  #task = -1
  #pid = 1
  #tid = 0
  #threadsNamed = false
  #instructions = 0
  #records = 0
  #otherLines = 0

  constructor(trace: TraceWriter) {
    this.#trace = trace
  }

  /** Whole lines: `bytes[end - 1]` is a newline. */
  lines(bytes: Uint8Array, end: number): void {
    for (let at = 0; at < end; ) {
      this.#trace.line++
      const first = bytes[at]
      const letter = first === BLANK ? bytes[at + 1]! : 0
      const kind = letter === L ? READ : letter === S ? WRITE : letter === M ? MODIFY : 0
      let next = -1
      if (kind !== 0 && bytes[at + 2] === BLANK) next = this.#access(bytes, at + 3, kind)
      else if (first === I && bytes[at + 1] === BLANK) next = this.#instruction(bytes, at)
      at = next > 0 ? next : this.#other(bytes, at)
    }
  }

  #access(bytes: Uint8Array, start: number, kind: AccessKind): number {
    let i = start
    let high = 0
    let low = 0
    for (let digit = HEX[bytes[i]!]!; digit < 16; digit = HEX[bytes[++i]!]!) {
      high = (high << 4) | (low >>> 28)
      low = (low << 4) | digit
    }
    const digits = i - start
    if (digits === 0 || digits > 16 || bytes[i] !== COMMA) return -1
    let size = 0
    const sizeStart = ++i
    for (let digit = bytes[i]! - 48; digit >= 0 && digit <= 9; digit = bytes[++i]! - 48) size = size * 10 + digit
    if (i === sizeStart || i - sizeStart > 9) return -1
    if (bytes[i] === 13) i++
    if (bytes[i] !== NEWLINE) return -1
    if (this.#task < 0) this.#task = this.#trace.task(this.#pid, this.#tid || this.#pid)
    this.#trace.access(this.#records++, this.#task, -1, high >>> 0, low >>> 0, size, kind, 1)
    return i + 1
  }

  #instruction(bytes: Uint8Array, start: number): number {
    this.#instructions++
    return bytes.indexOf(NEWLINE, start) + 1
  }

  /** Valgrind's own lines (==pid==, --pid--, **pid**) and what the program printed. */
  #other(bytes: Uint8Array, start: number): number {
    const end = bytes.indexOf(NEWLINE, start)
    this.#otherLines++
    const line = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(end - start, 200)).toString('latin1')
    const valgrind = /^(==|--|\*\*)(\d{1,10})\1 (.*)/.exec(line)
    if (valgrind) {
      this.#pid = Number(valgrind[2])
      // m_scheduler/scheduler.c:VG_(acquire_BigLock)
      const thread = /^ *SCHED\[(\d+)\]: +acquired lock/.exec(valgrind[3]!)
      if (thread) {
        this.#tid = Number(thread[1])
        this.#threadsNamed = true
      }
      this.#task = -1
    }
    return end + 1
  }

  finish(): void {
    this.#trace.fact('instructions', this.#instructions)
    this.#trace.fact('otherLines', this.#otherLines)
    this.#trace.fact('timeSource', 'number of the data record, 1 ns apart')
    if (!this.#threadsNamed) this.#trace.describe({ carries: ['accesses'] })
    this.#trace.lint({
      code: 'before-cache',
      severity: 'warning',
      message: 'every load and store, before any cache: most of them never reach memory',
      advice: 'Import with --cache to keep only what misses',
    })
  }
}
