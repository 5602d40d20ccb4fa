/** A file that appears complete or not at all: written beside its name, renamed at the end, removed on errors and Ctrl-C. */
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { UserError } from '../errors.ts'

const open = new Set<OutputFile>()
const INTERRUPTED = 130
const REASONS: Record<string, string> = {
  EACCES: 'no permission to write here',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
}

function onSignal(): void {
  for (const file of open) file.interrupted()
  process.exit(INTERRUPTED)
}

export class OutputFile {
  readonly path: string
  temporary: string
  length = 0
  #descriptor: number
  readonly #stays: (() => boolean) | undefined

  /** `stays`: whether it is left for another process on Ctrl-C, or removed. */
  constructor(path: string, stays?: () => boolean) {
    this.path = path
    this.#stays = stays
    checkWritable(path)
    this.temporary = `${path}.tmp-${process.pid}`
    this.#descriptor = this.#explained(() => openSync(this.temporary, 'w+'))
    this.#watch()
  }

  /** Takes over the first `length` bytes of what another process left behind. */
  continue(leftBehind: string, length: number): void {
    closeSync(this.#descriptor)
    rmSync(this.temporary)
    // under its old name, which the saved state knows
    this.temporary = leftBehind
    truncateSync(this.temporary, length)
    this.#descriptor = openSync(this.temporary, 'r+')
    this.length = length
  }

  #watch(): void {
    if (open.size === 0) for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal)
    open.add(this)
  }

  write(bytes: Uint8Array): void {
    this.#explained(() => {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#descriptor, bytes, done, bytes.length - done, this.length + done)
    })
    this.length += bytes.length
  }

  /** Fills `into` with what was written from `offset` on. */
  read(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const read = readSync(this.#descriptor, into, done, into.length - done, offset + done)
      if (read === 0) throw new Error(`${this.temporary} is shorter than what was written to it`)
      done += read
    }
  }

  /** The file gets its name. */
  commit(): void {
    this.#close()
    renameSync(this.temporary, this.path)
  }

  /** Nothing remains. */
  abort(): void {
    this.#close()
    rmSync(this.temporary, { force: true })
  }

  /** Ctrl-C or a request to end. */
  interrupted(): void {
    if (this.#stays?.()) this.#close()
    else this.abort()
  }

  /** A full disk or a folder without permission is not a bug of ours. */
  #explained<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException
      if (syscall === undefined) throw error
      throw new UserError(REASONS[code ?? ''] ?? `cannot be written (${code})`, { file: this.path })
    }
  }

  #close(): void {
    if (!open.delete(this)) return
    closeSync(this.#descriptor)
    if (open.size === 0) for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal)
  }
}

function checkWritable(path: string): void {
  if (!existsSync(dirname(path))) throw new UserError('the folder for the output does not exist', { file: dirname(path) })
  if (existsSync(path) && statSync(path).isDirectory()) throw new UserError('the output is a directory', { file: path, expected: 'a file name' })
}
