// The table of results, in Markdown.
import { median } from './statistics.mjs'

const number = (value) => {
  if (value === undefined) return ''
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 0.01 ? value.toFixed(2) : value.toPrecision(2)
}

const ratio = (values) => (values === undefined ? '' : `${number(median(values))} [${number(Math.min(...values))} … ${number(Math.max(...values))}]`)

function target({ target, atMost, isMet, reason }, notes) {
  if (target === undefined) return ['', '']
  if (!isMet && reason && !notes.includes(reason)) notes.push(reason)
  return [`${atMost ? '≤' : '≥'} ${number(target)}`, isMet ? 'yes' : reason ? `no (${notes.indexOf(reason) + 1})` : 'no']
}

export function markdown({ environment, rows, failures }) {
  const notes = []
  const lines = rows.map((row) => {
    const [aim, met] = target(row, notes)
    const others = row.clock === 'wall' ? '' : ratio(row.wallRatios)
    return [
      row.id,
      row.detail ? `${row.what} (${row.detail})` : row.what,
      row.unit,
      number(row.ours),
      number(row.theirs),
      row.against ?? '',
      ratio(row.ratios),
      others,
      aim,
      met,
    ]
  })
  const { cpu, cpus, memoryGiB, node, compiler, load, date, scale, rounds, minutes, version, command } = environment
  return `# Measured speed and memory

Written by \`${command}\`; do not edit. \`npm run bench\` measures again on this machine, \`npm run bench -- --compare bench/results.json\` shows what changed.

${cpu}, ${cpus} cpus, ${memoryGiB} GiB, Node ${node}, ${compiler}; load average ${load.map((x) => x.toFixed(1)).join(' ')} when it began; numareplay ${version}, ${date}, ${scale} size, ${rounds} paired rounds, ${minutes} minutes.

The product and the yardstick counted the same before anything was measured. Both run in alternation, whole processes cold, all else after a second of
unmeasured runs; rates are per CPU second of all threads of the process (rows in wall time say so), medians of the rounds; a ratio is the product over the yardstick, pair by pair: median [least … most]. The yardsticks are C
(\`bench/c\`, gcc -O3 -march=native) unless the row names another.

| id | what | unit | ours | theirs | against | ratio, CPU time | ratio, wall time | target | met |
|---|---|---|--:|--:|---|--:|--:|--:|---|
${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}
${notes.length > 0 ? `\n${notes.map((note, i) => `(${i + 1}) ${note}`).join('\n\n')}\n` : ''}${failures.length > 0 ? `\nNot measured:\n\n${failures.map((failure) => `- ${failure}`).join('\n')}\n` : ''}`
}
