/**
 * Who computes what, when several processes work on one store. A process has one owner file; a claim is a hard link to it:
 * made atomically or not at all (link(2), on network file systems too), readable by everyone, and as old as the owner's last
 * sign of life, since all links share one time stamp. A claim of a dead owner is not removed but overtaken by the next
 * generation (`NAME.1` after `NAME.0`): one link decides who wins, so there is no moment in which two do.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** An owner that gave no sign of life for so long is dead, if its process cannot be seen from here. */
const STALE_MS = 60_000
const HEARTBEAT_MS = 5_000
const OWNER = /^owner\.(.+)$/

interface Owner {
  id: string
  /** Boot and pid namespace: processes in the same one can see each other. */
  pidSpace: string
  pid: number
  /** Start time of the process in clock ticks since boot, because pids are used again. */
  startTime: string
}

export class Claims {
  readonly owner: string
  readonly #folder: string
  readonly #ownerFile: string
  readonly #descriptor: number
  readonly #content: Buffer
  readonly #held = new Map<string, number>()
  readonly #timer: NodeJS.Timeout

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.#folder = folder
    this.owner = `${hostname().replace(/[^\w-]+/g, '_')}-${process.pid}-${randomBytes(4).toString('hex')}`
    this.#ownerFile = join(folder, `owner.${this.owner}`)
    const owner: Owner = { id: this.owner, pidSpace: pidSpace(), pid: process.pid, startTime: startTime(process.pid) }
    this.#content = Buffer.from(`${JSON.stringify(owner)}\n`)
    this.#descriptor = openSync(this.#ownerFile, 'wx')
    this.#beat()
    this.#timer = setInterval(() => this.#beat(), HEARTBEAT_MS)
    this.#timer.unref()
  }

  /** Writing, unlike utimes, stamps the time of the file server: clocks of hosts need not agree. */
  #beat(): void {
    writeSync(this.#descriptor, this.#content, 0, this.#content.length, 0)
  }

  /** True when this process may work on `name` now. */
  claim(name: string): boolean {
    for (let generation = 0; ; ) {
      const path = this.#path(name, generation)
      try {
        linkSync(this.#ownerFile, path)
        this.#held.set(name, generation)
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const state = this.#stateOf(path)
      if (state === 'alive') return false
      if (state === 'dead') generation++
      else generation = 0
    }
  }

  release(name: string): void {
    const generation = this.#held.get(name)
    if (generation === undefined) return
    for (let g = 0; g <= generation; g++) rmSync(this.#path(name, g), { force: true })
    this.#held.delete(name)
  }

  /** Names that living processes hold. */
  names(): Set<string> {
    return namesHeld(this.#folder, statSync(this.#ownerFile).mtimeMs)
  }

  /** Ids of owners that are alive. */
  owners(): Set<string> {
    const ids = readdirSync(this.#folder).flatMap((file) => OWNER.exec(file)?.[1] ?? [])
    return new Set(ids.filter((id) => this.#stateOf(join(this.#folder, `owner.${id}`)) === 'alive'))
  }

  /** Removes what dead owners left. */
  tidy(): void {
    for (const file of readdirSync(this.#folder)) {
      const name = /^(.+)\.\d+$/.exec(file)?.[1]
      const isOwner = OWNER.test(file)
      if (this.#stateOf(join(this.#folder, file)) !== 'dead') continue
      if (isOwner) rmSync(join(this.#folder, file), { force: true })
      else if (name !== undefined && this.claim(name)) this.release(name)
    }
  }

  close(): void {
    clearInterval(this.#timer)
    for (const name of [...this.#held.keys()]) this.release(name)
    closeSync(this.#descriptor)
    unlinkSync(this.#ownerFile)
  }

  #path(name: string, generation: number): string {
    return join(this.#folder, `${name}.${generation}`)
  }

  #stateOf(path: string): State {
    return stateOf(path, statSync(this.#ownerFile).mtimeMs)
  }
}

type State = 'alive' | 'dead' | 'gone'

/** `nowMs`: the time of the file server, as a file written just now has it. */
function stateOf(path: string, nowMs: number): State {
  try {
    const text = readFileSync(path, 'utf8')
    // empty between creation and first writing
    const owner = text === '' ? undefined : (JSON.parse(text) as Owner)
    if (owner !== undefined && owner.pidSpace !== '' && owner.pidSpace === pidSpace()) return startTime(owner.pid) === owner.startTime ? 'alive' : 'dead'
    return nowMs - statSync(path).mtimeMs > STALE_MS ? 'dead' : 'alive'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone'
    throw error
  }
}

/** Names that living processes hold in a folder of claims. */
export function namesHeld(folder: string, nowMs = Date.now()): Set<string> {
  const names = new Set<string>()
  for (const file of readdirSync(folder)) {
    const match = /^(.+)\.\d+$/.exec(file)
    if (match && !OWNER.test(file) && stateOf(join(folder, file), nowMs) === 'alive') names.add(match[1]!)
  }
  return names
}

let ownPidSpace: string | undefined

/** Empty where there is no /proc: then only the signs of life count. */
function pidSpace(): string {
  try {
    ownPidSpace ??= `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    ownPidSpace = ''
  }
  return ownPidSpace
}

/** Field 22 of /proc/PID/stat (proc(5)); empty when there is no such process. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // Z and X: the process is over, only its parent has not looked yet
    return fields[0] === 'Z' || fields[0] === 'X' ? '' : fields[19]!
  } catch {
    return ''
  }
}
