// The script and the style sheet that every HTML report carries, made once when the package is built.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build as esbuild } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))

// Transforms of Vega that no Vega-Lite chart can ask for: a third of its size
const UNUSED = /^vega-(force|hierarchy|voronoi|wordcloud|label|crossfilter)$/
const withoutUnused = {
  name: 'without-unused',
  setup(bundler) {
    bundler.onResolve({ filter: UNUSED }, ({ path }) => ({ path, namespace: 'empty' }))
    bundler.onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'export {}' }))
  },
}

export async function bundle() {
  const result = await esbuild({
    entryPoints: [join(here, 'page.mjs'), join(here, 'page.css')],
    outdir: 'out',
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    target: ['chrome100', 'firefox100', 'safari15'],
    // Data is read from the page and nowhere else
    define: { 'process.env.NODE_ENV': '"production"' },
    legalComments: 'none',
    logLevel: 'error',
    plugins: [withoutUnused],
  })
  const text = (extension) => result.outputFiles.find(({ path }) => path.endsWith(extension)).text
  // The script stands inside a page: nothing in it may look like the end of a script
  return { script: text('.js').replaceAll('</script', '<\\/script'), style: text('.css') }
}

export async function build(distFolder) {
  const { script, style } = await bundle()
  mkdirSync(distFolder, { recursive: true })
  writeFileSync(join(distFolder, 'report-runtime.js'), script)
  writeFileSync(join(distFolder, 'report-runtime.css'), style)
}
