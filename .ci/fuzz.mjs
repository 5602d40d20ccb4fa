// Runs test/fuzz/main.ts, the long mode of fuzzing, against the built package: npm run fuzz -- --inputs 1000000
import { spawnSync } from 'node:child_process'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const out = join(root, 'node_modules/.cache/numareplay/fuzz/fuzz.mjs')

// what is tested is the built code; only the test's own files are compiled here
const builtCode = {
  name: 'built-code',
  setup({ onResolve }) {
    onResolve({ filter: /\.ts$/ }, ({ path, resolveDir }) => {
      const file = join(resolveDir, path)
      if (!file.startsWith(join(root, 'src') + sep)) return undefined
      return { path: file.replace(root, join(root, 'dist')).replace(/\.ts$/, '.js'), external: true }
    })
  },
}
await build({
  entryPoints: [join(root, 'test/fuzz/main.ts')],
  outfile: out,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  plugins: [builtCode],
  define: { 'import.meta.dirname': JSON.stringify(join(root, 'test/fuzz')) },
})
process.exit(spawnSync(process.execPath, [out, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1)
