// Compiles src/, policies/, traces/ and reports/ to dist/ and bundles what HTML reports embed.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

// The runtime of interactive reports: one bundle, built once, inlined into every HTML report.
const runtime = join(root, 'src/report/runtime/build.mjs')
if (existsSync(runtime)) await (await import(pathToFileURL(runtime))).build(join(root, 'dist'))

// The parts of zod in use as one module: src/schema.ts says why.
const { build } = await import('esbuild')
const licence = readFileSync(join(root, 'node_modules/zod/LICENSE'), 'utf8')
await build({
  entryPoints: [join(root, 'src/schema.ts')],
  outfile: join(root, 'dist/src/schema.js'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  banner: { js: `/* Parts of zod\n${licence}*/` },
  logLevel: 'warning',
})

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
