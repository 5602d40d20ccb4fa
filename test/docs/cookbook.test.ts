/** The cookbook is executed as it stands: its commands in order, its plan, and the lines it shows of what they print. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, temporaryFolder } from '../cli/run.ts'

const BLOCKS = [...readFileSync(join(ROOT, 'docs/cookbook.md'), 'utf8').matchAll(/```(sh|text|yaml)\n(.*?)```/gs)].map(([, kind, text]) => ({
  kind,
  text: text!,
}))
const MAIN = join(ROOT, 'dist/src/cli/main.js')

test('takes under ten commands', () => {
  const commands = BLOCKS.filter(({ kind }) => kind === 'sh').flatMap(({ text }) => text.match(/^numareplay /gm) ?? [])
  expect(commands.length).toBeGreaterThan(5)
  expect(commands.length).toBeLessThan(10)
})

test('every command works and prints what the text says', () => {
  const folder = temporaryFolder()
  symlinkSync(join(ROOT, 'test'), join(folder, 'test'))
  mkdirSync(join(folder, 'runs/cookbook'), { recursive: true })
  const said: string[] = []
  let output = ''
  for (const { kind, text } of BLOCKS) {
    if (kind === 'yaml') writeFileSync(join(folder, 'runs/cookbook/study.yaml'), text)
    else if (kind === 'text') for (const line of text.trimEnd().split('\n')) expect(output.split('\n')).toContain(line)
    else {
      const script = `set -e; numareplay() { '${process.execPath}' '${MAIN}' "$@"; }\n${text}`
      const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } })
      expect(status, `${text}${stderr}`).toBe(0)
      output = stdout
      said.push(stdout)
    }
  }
  // what the decision rests on
  const latency = (memory: string) => Number(new RegExp(`server ${memory}\\S* +first-touch +([\\d.]+)`).exec(said.join('\n'))![1])
  expect(latency('0=256KiB') / latency('0=512KiB')).toBeGreaterThan(1.5)
  const page = readFileSync(join(folder, 'runs/cookbook/study.html'), 'utf8')
  expect(page).toMatch(/(No policy beats first-touch|(is|comes out) (best|among the best) over 3 settings together: [\d.]+% less)/)
  const compared = said.at(-1)!.match(/^tpp .*0=256KiB,1=256KiB.*$/gm)!
  for (const line of compared) expect(line).toMatch(/no significant difference/)
}, 300_000)
