/** Where this package lies and how its plug-in folders are found, from sources (tests) or compiled (dist/). */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(import.meta.url)

/** Extension of the modules that run now: '.ts' from sources, '.js' when compiled. */
export const MODULE_EXTENSION = extname(here)

/** Folder with src/, policies/, traces/ and reports/ as they run now: the repository, or dist/. */
export const CODE_ROOT = dirname(dirname(here))

/** Folder with package.json: assets that are not code (machine presets, sample traces) are read from here. */
export const PACKAGE_ROOT = findUp(CODE_ROOT)

export const VERSION: string = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')).version

function findUp(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error(`package.json not found above ${CODE_ROOT}`)
  return findUp(parent)
}
