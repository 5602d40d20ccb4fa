/**
 * The folder a sweep fills:
 *
 *   store.json                    what this folder is
 *   plans/NAME.json               the points of each plan, with the names the plan gives them
 *   points/ab/KEY.jsonl.zst       one finished point, by the digest of its inputs
 *   failures/KEY.json             a point that could not be computed, and why
 *   traces/DIGEST.nrt             recordings as imported, once; traces/sources/ remembers which file became which
 *   claims/ tmp/                  only while somebody works here
 *
 * A file is there whole or not at all: it is written to tmp/ and renamed. Nothing in it tells when or by whom.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { UserError } from '../errors.ts'
import type { SoloResult } from '../replay/index.ts'
import { Claims, namesHeld } from './claims.ts'
import { PLAN_SCHEMA, type SweepPlan } from './plan.ts'
import { decodePoint } from './point-file.ts'

export const STORE_SCHEMA = 'numareplay/store/1'
const POINT_FILE = /^([0-9a-f]{64})\.jsonl\.zst$/

export interface Failure {
  key: string
  /** `error`: the policy's code threw, or the inputs do not fit together; `time`, `memory`: beyond the limits; `crash`: the worker ended. */
  kind: 'error' | 'time' | 'memory' | 'crash'
  message: string
}

export class Store {
  readonly folder: string

  constructor(folder: string) {
    this.folder = resolve(folder)
  }

  static exists(folder: string): boolean {
    return existsSync(join(folder, 'store.json'))
  }

  static open(folder: string): Store {
    if (!Store.exists(folder)) {
      const got = existsSync(folder) ? 'a folder without store.json' : 'nothing of that name'
      throw new UserError('not a store', { file: folder, expected: 'a folder that numareplay sweep -o wrote', got })
    }
    const { schema } = JSON.parse(readFileSync(join(folder, 'store.json'), 'utf8')) as { schema?: string }
    if (schema !== STORE_SCHEMA) throw new UserError('a store of another version', { file: folder, expected: STORE_SCHEMA, got: String(schema) })
    return new Store(folder)
  }

  /** Opens a store, or makes one in a new or empty folder. */
  static create(folder: string): Store {
    if (Store.exists(folder)) return Store.open(folder)
    const isForeign = existsSync(folder) && (!statSync(folder).isDirectory() || readdirSync(folder).some((name) => !['tmp', 'claims'].includes(name)))
    if (isForeign) throw new UserError('exists and is not a store: it is left as it is', { file: folder, expected: 'a new name, an empty folder or a store' })
    return new Store(folder)
  }

  /** Becomes one of those who work here; `leave` when done. */
  enter(): Claims {
    try {
      const claims = new Claims(join(this.folder, 'claims'))
      if (!Store.exists(this.folder)) this.write('store.json', `${JSON.stringify({ schema: STORE_SCHEMA })}\n`, claims.owner)
      claims.tidy()
      this.#tidy(claims.owners())
      return claims
    } catch (error) {
      throw diskError(error, this.folder)
    }
  }

  /** Names that living processes hold, for those who only look. */
  held(): Set<string> {
    const folder = join(this.folder, 'claims')
    return existsSync(folder) ? namesHeld(folder) : new Set()
  }

  leave(claims: Claims): void {
    claims.tidy()
    const others = claims.owners()
    others.delete(claims.owner)
    this.#tidy(others)
    claims.close()
    if (others.size === 0) this.#removeEmptyFolders()
  }

  /** Writes `path` (below the store) whole or not at all. `owner` keeps the temporary names of processes apart. */
  write(path: string, content: string | Uint8Array, owner: string): void {
    const target = join(this.folder, path)
    const temporary = this.temporary(owner, path)
    try {
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(temporary, content)
      renameSync(temporary, target)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw diskError(error, target)
    }
  }

  /** A name in tmp/ for something that will be renamed to `path`. */
  temporary(owner: string, path: string): string {
    mkdirSync(join(this.folder, 'tmp'), { recursive: true })
    return join(this.folder, 'tmp', `${owner}.${path.replaceAll('/', '.')}`)
  }

  /** Removes temporary files whose owner is not among `alive`. */
  #tidy(alive: Set<string>): void {
    const tmp = join(this.folder, 'tmp')
    for (const file of existsSync(tmp) ? readdirSync(tmp) : []) {
      if (![...alive].some((owner) => file.startsWith(`${owner}.`) || file.startsWith(`.${owner}.`))) rmSync(join(tmp, file), { recursive: true, force: true })
    }
  }

  #removeEmptyFolders(): void {
    for (const folder of ['tmp', 'claims', 'failures']) {
      try {
        rmdirSync(join(this.folder, folder))
      } catch {
        // not empty or not there
      }
    }
  }

  /** Absolute path of a trace of a plan. */
  tracePath(path: string): string {
    return isAbsolute(path) ? path : join(this.folder, path)
  }

  pointPath(key: string): string {
    return `points/${key.slice(0, 2)}/${key}.jsonl.zst`
  }

  has(key: string): boolean {
    return existsSync(join(this.folder, this.pointPath(key)))
  }

  /** Keys of all finished points. */
  keys(): Set<string> {
    const folder = join(this.folder, 'points')
    const keys = new Set<string>()
    for (const part of existsSync(folder) ? readdirSync(folder) : []) {
      for (const file of readdirSync(join(folder, part))) {
        const match = POINT_FILE.exec(file)
        if (match) keys.add(match[1]!)
      }
    }
    return keys
  }

  async point(key: string): Promise<SoloResult> {
    const file = join(this.folder, this.pointPath(key))
    return decodePoint(readFileSync(file), key, file)
  }

  /** Removes a point that is not whole; true when it was so. */
  async dropIfDamaged(key: string): Promise<boolean> {
    try {
      await this.point(key)
      return false
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      rmSync(join(this.folder, this.pointPath(key)), { force: true })
      return true
    }
  }

  writePlan(plan: SweepPlan, owner: string): void {
    this.write(`plans/${plan.name}.json`, planText(plan), owner)
  }

  plans(): SweepPlan[] {
    const folder = join(this.folder, 'plans')
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .sort()
      .map((file) => {
        const plan = JSON.parse(readFileSync(join(folder, file), 'utf8')) as SweepPlan
        if (plan.schema !== PLAN_SCHEMA) throw new UserError('a plan of another version', { file: join(folder, file), expected: PLAN_SCHEMA })
        return plan
      })
  }

  plan(name?: string): SweepPlan {
    const plans = this.plans()
    const found = name === undefined && plans.length === 1 ? plans[0] : plans.find((plan) => plan.name === name)
    if (found) return found
    throw new UserError(name === undefined ? 'which plan?' : 'no such plan in this store', {
      file: this.folder,
      field: '--plan',
      expected: plans.map((plan) => plan.name).join(', ') || 'a plan: the store has none yet',
      got: name,
    })
  }

  failures(): Map<string, Failure & { mtimeMs: number }> {
    const folder = join(this.folder, 'failures')
    const failures = new Map<string, Failure & { mtimeMs: number }>()
    for (const file of existsSync(folder) ? readdirSync(folder).sort() : []) {
      const failure = this.failure(file.replace(/\.json$/, ''))
      if (failure) failures.set(failure.key, failure)
    }
    return failures
  }

  failure(key: string): (Failure & { mtimeMs: number }) | undefined {
    const file = join(this.folder, 'failures', `${key}.json`)
    try {
      return { ...(JSON.parse(readFileSync(file, 'utf8')) as Failure), mtimeMs: statSync(file).mtimeMs }
    } catch {
      return undefined
    }
  }

  writeFailure(failure: Failure, owner: string): void {
    this.write(`failures/${failure.key}.json`, `${JSON.stringify(failure)}\n`, owner)
  }

  clearFailure(key: string): void {
    try {
      unlinkSync(join(this.folder, 'failures', `${key}.json`))
    } catch {
      // there was none
    }
  }
}

/** One line per point: long plans stay readable, and comparable with diff. */
function planText({ points, ...header }: SweepPlan): string {
  const head = JSON.stringify(header, null, 1).replace(/\n\}$/, '')
  return `${head},\n "points": [\n${points.map((point) => `  ${JSON.stringify(point)}`).join(',\n')}\n ]\n}\n`
}

const DISK_CODES: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EFBIG: 'the file is larger than allowed',
  EIO: 'the disk reports an error',
  EACCES: 'no permission to write',
}

/** The disk does not take what was computed: nothing to gain by going on. */
export function diskError(error: unknown, file: string): unknown {
  const problem = DISK_CODES[(error as NodeJS.ErrnoException).code ?? '']
  return problem === undefined ? error : new UserError(problem, { file, hint: 'What is finished is kept; go on with --resume when there is room' })
}
