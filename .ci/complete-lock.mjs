// Adds the platform packages that a registry mirror does not serve to the lock files, so that `npm ci` accepts them
// everywhere (it wants an entry for every optional dependency, also of other platforms). Run after `npm install`.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

for (const file of [join(root, 'package-lock.json'), join(root, '.ci/notebooks/package-lock.json')]) {
  const lock = JSON.parse(readFileSync(file, 'utf8'))
  for (const owner of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
      const path = `node_modules/${name}`
      if (lock.packages[path]) continue
      const os = /(android|darwin|freebsd|linux|win32)/.exec(name)?.[1]
      const cpu = /(arm64|x64|ia32|arm)/.exec(name)?.[1]
      if (!os || !cpu) throw new Error(`${name} is not in the lock file and does not look like a platform package`)
      lock.packages[path] = {
        version,
        cpu: [cpu],
        ...(owner.dev ? { dev: true } : {}),
        optional: true,
        os: [os],
        ...(name.includes('musl') ? { libc: ['musl'] } : {}),
      }
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
}
