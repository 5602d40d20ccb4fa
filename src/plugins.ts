/**
 * Plug-ins: one file is one plug-in and its name is the file's name. Folders are listed, never enumerated in code; a file of
 * the user's (`./mine.ts`) is bundled by esbuild into one module, so that it may be TypeScript and import helpers.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { closest, UserError } from './errors.ts'
import { CODE_ROOT, MODULE_EXTENSION } from './package.ts'

/** Plug-in folders of the package. */
export type PluginFolder = 'policies' | 'traces' | 'traces/synthetic' | 'reports'

/** Names of the plug-ins in a folder, ascending. */
export function listPlugins(folder: PluginFolder): string[] {
  return readdirSync(join(CODE_ROOT, folder))
    .filter((file) => file.endsWith(MODULE_EXTENSION) && !file.endsWith('.d.ts'))
    .map((file) => basename(file, MODULE_EXTENSION))
    .sort()
}

/** The default export of one shipped plug-in. `kind` is the word for messages: 'policy', 'format', 'report'. */
export async function loadPlugin<T>(folder: PluginFolder, name: string, kind: string): Promise<T> {
  const names = listPlugins(folder)
  if (!names.includes(name)) {
    const near = closest(name, names)
    throw new UserError(`unknown ${kind} ${JSON.stringify(name)}`, {
      expected: names.join(', '),
      hint: near ? `Did you mean ${near}?` : `A file of your own is given as a path: ./${name}.ts`,
    })
  }
  return (await import(pathToFileURL(join(CODE_ROOT, folder, name + MODULE_EXTENSION)).href)).default as T
}

/** True when a plug-in is named by path rather than by name. */
export function isPluginPath(name: string): boolean {
  return /[\\/]/.test(name) || /\.(ts|mts|js|mjs)$/.test(name)
}

export interface PluginFile<T> {
  name: string
  value: T
  /** sha256 of the bundle: the plug-in with all helpers it imports. */
  digest: string
}

/** The default export of a user's file. It runs with the user's rights, as any program does. */
export async function loadPluginFile<T>(path: string, kind: string): Promise<PluginFile<T>> {
  if (!existsSync(path)) throw new UserError(`${kind} file not found`, { file: path, hint: 'The path is taken from the current folder' })
  const code = await bundle(path, kind)
  const folder = mkdtempSync(join(tmpdir(), 'numareplay-plugin-'))
  try {
    const module = join(folder, `${basename(path, extname(path))}.mjs`)
    writeFileSync(module, code)
    const { default: value } = (await import(pathToFileURL(module).href)) as { default?: T }
    if (value === undefined) throw new UserError(`the ${kind} file exports nothing by default`, { file: path, expected: 'export default …' })
    return { name: basename(path, extname(path)), value, digest: digestOf(code) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The same wherever this package is installed: the bundle names it by absolute URL. */
const digestOf = (code: string): string =>
  createHash('sha256')
    .update(code.replaceAll(pathToFileURL(CODE_ROOT).href, 'numareplay:'))
    .digest('hex')

const HOST_MODULES: Record<string, string> = {
  numareplay: 'src/index',
  'numareplay/policy': 'src/policy/index',
  'numareplay/format': 'src/trace/index',
  'numareplay/report': 'src/report/index',
}

/** One self-contained module; imports of numareplay stay references to the running copy (or, from sources, are bundled in). */
async function bundle(path: string, kind: string): Promise<string> {
  const { build } = await import('esbuild')
  const compiled = MODULE_EXTENSION === '.js'
  const host = join(CODE_ROOT, 'src')
  try {
    const result = await build({
      entryPoints: [resolve(path)],
      // names in the bundle, and so its digest, do not depend on where the program was started
      absWorkingDir: dirname(resolve(path)),
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      sourcemap: 'inline',
      logLevel: 'silent',
      plugins: [
        {
          name: 'host',
          setup(esbuild) {
            esbuild.onResolve({ filter: /.*/ }, ({ path: wanted, resolveDir }) => {
              const hostModule = HOST_MODULES[wanted]
              const target = hostModule ? join(CODE_ROOT, hostModule + MODULE_EXTENSION) : resolve(resolveDir, wanted)
              const isOurs = hostModule !== undefined || (wanted.startsWith('.') && target.startsWith(host))
              if (!isOurs) return undefined
              return compiled ? { path: pathToFileURL(target.replace(/\.ts$/, '.js')).href, external: true } : { path: target }
            })
          },
        },
      ],
    })
    return result.outputFiles[0]!.text
  } catch (error) {
    const first = (error as { errors?: { text: string; location?: { file: string; line: number; column: number } | null }[] }).errors?.[0]
    if (!first) throw error
    throw new UserError(`the ${kind} does not compile: ${first.text}`, { file: path, line: first.location?.line, column: first.location?.column })
  }
}

/** For threads that run policies: `process.exit()` would end the thread without a word; instead it fails like any mistake in a policy. */
export function refuseExit(): void {
  process.exit = (() => {
    throw new Error('the code of a policy called process.exit()')
  }) as typeof process.exit
}
