/** Digests of the code that results depend on: the engine as a whole, and each shipped policy with what it imports. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { CODE_ROOT, MODULE_EXTENSION, VERSION } from '../package.ts'
import { digestOf, sha256 } from './canonical.ts'

/** Layers that results pass through. Formats are not among them: what they read is in the trace's digest. */
const ENGINE = ['units', 'columns', 'trace', 'machine', 'kernel', 'policy', 'replay']

/** `0.1.0+8f2c41d09ab3`: a changed engine recomputes, whether or not somebody raised the version. */
export function engineVersion(): string {
  version ??= newEngineVersion()
  return version
}

let version: string | undefined

function newEngineVersion(): string {
  const files = ENGINE.flatMap((part) => modulesBelow(join(CODE_ROOT, 'src', part)))
  return `${VERSION}+${digestOf(files.map((file) => [relative(CODE_ROOT, file), sha256(readFileSync(file))])).slice(0, 12)}`
}

function modulesBelow(path: string): string[] {
  if (existsSync(path + MODULE_EXTENSION)) return [path + MODULE_EXTENSION]
  return readdirSync(path, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const child = join(path, entry.name)
      if (entry.isDirectory()) return modulesBelow(child)
      return child.endsWith(MODULE_EXTENSION) && !child.endsWith('.d.ts') ? [child] : []
    })
}

/** A shipped policy: its file and the files of policies/ it imports. */
export function shippedPolicyDigest(name: string): string {
  const seen = new Map<string, string>()
  const visit = (file: string): void => {
    if (seen.has(file) || !existsSync(file)) return
    const text = readFileSync(file, 'utf8')
    seen.set(file, sha256(text))
    for (const [, path] of text.matchAll(/from\s+'(\.\.?\/[^']+)'/g)) {
      const target = resolve(dirname(file), path!)
      if (target.startsWith(join(CODE_ROOT, 'policies'))) visit(target)
    }
  }
  visit(join(CODE_ROOT, 'policies', name + MODULE_EXTENSION))
  return digestOf([...seen].map(([file, digest]) => [relative(CODE_ROOT, file), digest]).sort())
}
