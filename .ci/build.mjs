// Compiles src/, policies/, traces/ and reports/ to dist/ and bundles what HTML reports embed.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

// The runtime of interactive reports: one bundle, built once, inlined into every HTML report.
const runtime = join(root, 'src/report/runtime/build.mjs')
if (existsSync(runtime)) await (await import(pathToFileURL(runtime))).build(join(root, 'dist'))

// A module takes a millisecond to find, read and compile, and a command needs hundreds: each folder of src/ becomes one module, its
// index.js. Others reach a folder by that alone (test/architecture.test.ts). Packages that every start needs come along.
const { build } = await import('esbuild')
const INLINED = ['zod', 'yaml', 'yargs', 'simple-statistics', 'hyparquet', 'hyparquet-writer', 'cli-progress', 'cli-table3']
const isInlined = (path) => INLINED.includes(path.split('/')[0])
const FILES = ['schema.ts', 'parquet.ts', 'yaml.ts', 'cli/main.ts', 'cli/progress.ts', 'cli/two-columns.ts']
const THREADS = ['replay/worker.ts', 'sweep/worker.ts', 'trace/decode-worker.ts']
const folders = readdirSync(join(root, 'src')).filter((name) => existsSync(join(root, 'src', name, 'index.ts')))
for (const entry of [...FILES, ...THREADS, ...folders.map((name) => `${name}/index.ts`)]) {
  const file = join(root, 'src', entry)
  const result = await build({
    entryPoints: [file],
    absWorkingDir: root,
    outfile: join(root, 'dist/src', entry.replace(/ts$/, 'js')),
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    metafile: true,
    logLevel: 'warning',
    plugins: [
      {
        name: 'one folder',
        setup(esbuild) {
          esbuild.onResolve({ filter: /.*/ }, ({ path, importer, kind, resolveDir }) => {
            if (kind === 'entry-point' || importer.includes('node_modules')) return undefined
            if (!path.startsWith('.')) return isInlined(path) ? undefined : { path, external: true }
            const fromHere = relative(dirname(file), join(resolveDir, path)).replace(/ts$/, 'js')
            if (fromHere.startsWith('..')) return { path: fromHere, external: true }
            return FILES.includes(entry) ? { path: `./${fromHere}`, external: true } : undefined
          })
        },
      },
    ],
  })
  const [output] = result.outputFiles
  writeFileSync(output.path, withPackages(output.text, Object.keys(result.metafile.inputs)))
  // of the module that was there before
  rmSync(`${output.path}.map`, { force: true })
}

/** With the licences of the packages of which parts are in a module, and with the function `require` that some of them call. */
function withPackages(code, inputs) {
  const packages = [...new Set(inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []))]
  const licences = packages.map((folder) => {
    const licence = readdirSync(join(root, folder)).find((name) => /^licen[sc]e/i.test(name))
    return `/* Parts of ${folder.split('node_modules/').at(-1)}\n${readFileSync(join(root, folder, licence), 'utf8').trim()}\n*/\n`
  })
  const [, shebang = ''] = /^(#!.*\n)?/.exec(code)
  const needs = code.includes('__require(') ? "import { createRequire as requireOf } from 'node:module'\nconst require = requireOf(import.meta.url)\n" : ''
  return shebang + licences.join('') + needs + code.slice(shebang.length)
}

// The hot loops: AssemblyScript to one WebAssembly module over a shared memory that the caller brings.
const asc = await import('assemblyscript/asc')
const { error, stderr } = await asc.main([
  join(root, 'src/wasm/assembly/index.ts'),
  ...['--outFile', join(root, 'dist/src/wasm/kernels.wasm')],
  ...['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd,threads,bulk-memory'],
  ...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
])
if (error) {
  console.error(stderr.toString() || error)
  process.exit(1)
}
