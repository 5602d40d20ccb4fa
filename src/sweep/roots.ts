/** Which files a plan may name: those below its own folder, and below folders the user allows. Links are followed before the check. */
import { existsSync, realpathSync } from 'node:fs'
import { relative, resolve, sep } from 'node:path'
import { UserError } from '../errors.ts'
import type { Place } from '../yaml.ts'

export class Roots {
  readonly #folder: string
  readonly #roots: string[]

  constructor(folder: string, allowed: string[]) {
    const missing = allowed.find((path) => !existsSync(path))
    if (missing !== undefined) throw new UserError('no such folder', { field: '--allow', got: missing })
    this.#folder = resolve(folder)
    this.#roots = [folder, ...allowed].map((path) => realpathSync(path))
  }

  /** Absolute path of a file the plan names. */
  resolve(path: string, place: Place): string {
    const absolute = resolve(this.#folder, path)
    const real = existsSync(absolute) ? realpathSync(absolute) : absolute
    if (!this.#roots.some((root) => isBelow(real, root))) {
      throw new UserError('outside the folder of the plan', {
        ...place,
        expected: `a path below ${this.#folder}`,
        got: JSON.stringify(path),
        hint: 'Allow another folder with --allow FOLDER, if you trust this plan to read there',
      })
    }
    return absolute
  }
}

function isBelow(path: string, root: string): boolean {
  const way = relative(root, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !way.startsWith(sep)
}
