// Makes a fresh clone ready: installs the packages of the lock file and compiles, each only when missing or out of date.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const run = (command, args) => {
  // stdout belongs to the command that follows; what set-up prints goes to stderr
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}

const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex')
const stamp = join(root, 'node_modules/.numareplay-lock')
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  console.error('installing packages (npm ci) …')
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(stamp, lock)
}

const newest = (folder) =>
  readdirSync(folder, { withFileTypes: true }).reduce((latest, entry) => {
    const path = join(folder, entry.name)
    return Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs)
  }, 0)
const built = join(root, 'dist/.built')
const sources = Math.max(...['src', 'policies', 'traces', 'reports'].map((folder) => newest(join(root, folder))))
if (!existsSync(built) || statSync(built).mtimeMs < sources) {
  console.error('compiling …')
  run(process.execPath, [join(root, '.ci/build.mjs')])
  writeFileSync(built, '')
}
