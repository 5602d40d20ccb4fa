// docs/validation.md from the results as measured.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { markdown } from './lib.mjs'

export function writeValidation(root, names) {
  const results = names.map((name) => JSON.parse(readFileSync(join(root, `bench/experiments/results/${name}.json`), 'utf8')))
  const summary = results.map(({ name, title, verdict }) => `| ${name.toUpperCase()} | ${title} | ${verdict} |`)
  const sections = results.map(
    ({ name, title, rows, notes, verdict }) =>
      `## ${name.toUpperCase()}: ${title}\n\n\`node bench/experiments/run.mjs ${name}\` · parameters in \`bench/experiments/${name}.yaml\` · ${verdict}\n\n${markdown(rows)}\n\n${notes.map((note) => `- ${note}`).join('\n')}\n\n![${title}](../bench/experiments/results/${name}.svg)\n`,
  )
  writeFileSync(
    join(root, 'docs/validation.md'),
    `# Published results, reproduced or not

Five experiments against published figures. The parameters of each lie in a file that was fixed before the comparison and not
touched afterwards. Mistakes in scripts and model that a run showed were corrected, and the notes say which and what the figures
were before; a parameter that a correction added has its source beside it. What misses stays in the table with its cause. Written by \`node bench/experiments/run.mjs all\` (some ten minutes).

| | experiment | result |
| --- | --- | --- |
${summary.join('\n')}

${sections.join('\n')}`,
  )
}
