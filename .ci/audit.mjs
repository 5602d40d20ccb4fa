// npm audit over both lock files. Findings fail; a registry without the advisory endpoint (mirrors often lack it) is said plainly
// and fails nothing: then the audit has not been made.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** What `npm audit --json` printed -> { text, failed }. */
export function verdict(stdout) {
  let report
  try {
    report = JSON.parse(stdout)
  } catch {
    return { text: `not understood: ${stdout.slice(0, 200)}`, failed: true }
  }
  const counts = report.metadata?.vulnerabilities
  if (counts !== undefined) {
    const names = Object.entries(report.vulnerabilities ?? {}).map(([name, { severity, range }]) => `${name} ${range} (${severity})`)
    return counts.total === 0
      ? { text: `no known vulnerability among ${report.metadata.dependencies?.total ?? '?'} packages`, failed: false }
      : { text: `${counts.total} vulnerable: ${names.join(', ')}`, failed: true }
  }
  const why = report.message ?? report.error?.summary ?? JSON.stringify(report)
  const lacksEndpoint = [404, 405, 501].includes(report.statusCode) || /\b(404|405|501|ENOTFOUND|ECONNREFUSED|EAI_AGAIN)\b/.test(why)
  return { text: lacksEndpoint ? `not available, nothing was audited: ${why}` : why, failed: !lacksEndpoint }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const folder of ['.', '.ci/notebooks']) {
    const { stdout } = spawnSync('npm', ['audit', '--json', '--package-lock-only'], { cwd: join(root, folder), encoding: 'utf8' })
    const { text, failed } = verdict(stdout)
    console.log(`npm audit of ${folder}: ${text}`)
    if (failed) process.exitCode = 1
  }
}
