// node bench/experiments/run.mjs v1|v2|v3|v4|v5|all: published results against ours. `all` also writes docs/validation.md.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const known = ['v1', 'v2', 'v3', 'v4', 'v5']
const [which] = process.argv.slice(2)
if (!known.includes(which) && which !== 'all') {
  console.error(`usage: node bench/experiments/run.mjs ${known.join('|')}|all`)
  process.exit(2)
}
const { status } = spawnSync(process.execPath, [join(root, '.ci/setup.mjs')], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

const { conclude, parameters } = await import('./lib.mjs')
for (const name of which === 'all' ? known : [which]) {
  const { default: experiment } = await import(`./${name}.mjs`)
  await conclude(name, await experiment(parameters(name)))
  console.log()
}
if (which === 'all') (await import('./validation.mjs')).writeValidation(root, known)
