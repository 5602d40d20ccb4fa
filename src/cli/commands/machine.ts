import { describeMachine, describePresets, importMachine, machine, machineText, parseMachine, presets, writeMachine } from '../../machine/index.ts'
import { VERSION } from '../../package.ts'
import { defineCommand, once, printJson } from '../command.ts'

export default defineCommand({
  command: 'machine',
  describe: 'Machines: list presets, show one, import your own',
  builder: (args) =>
    args
      .command(
        'list',
        'List the presets',
        (sub) => sub.option('json', { type: 'boolean', describe: 'one JSON document on stdout' }),
        (given) => list(given.json === true),
      )
      .command(
        'show <name>',
        'Show nodes, tiers, matrices, costs, sources and warnings of a preset or machine file',
        (sub) => sub.positional('name', { type: 'string', demandOption: true }).option('json', { type: 'boolean', describe: 'one JSON document on stdout' }),
        (given) => show(given.name, given.json === true),
      )
      .command(
        'import <file..>',
        'Make a machine file from dumps: numactl -H, lscpu, lstopo XML, Intel MLC, kernel log, a folder or archive of sysfs',
        (sub) =>
          sub
            .positional('file', { type: 'string', array: true, demandOption: true, describe: 'dumps of one machine; /sys reads this one' })
            .option('output', {
              alias: 'o',
              type: 'string',
              requiresArg: true,
              coerce: once('output'),
              describe: 'machine file, .yaml or .json (default: YAML on stdout)',
            })
            .example('numareplay machine import /sys -o here.yaml', 'the machine you sit at')
            .example('numareplay machine import numactl-H.txt mlc.txt -o server.json', 'measured latencies of another'),
        (given) => importFiles(given.file, given.output),
      )
      .demandCommand(1, 'Say what to do: machine list, machine show NAME or machine import FILE… -o OUT'),
  handler: () => undefined,
})

function list(asJson: boolean): void {
  const all = presets()
  if (asJson) {
    printJson({
      schema: 'numareplay/machines/1',
      version: VERSION,
      machines: all.map(({ name, aliases, machine: { about, nodes, latencySource, evidence } }) => ({
        name,
        aliases,
        about,
        nodes: nodes.length,
        latencySource,
        evidence,
      })),
    })
    return
  }
  process.stdout.write(describePresets(all))
}

function show(name: string, asJson: boolean): void {
  const found = machine(name)
  if (asJson) printJson({ schema: 'numareplay/machine/1', version: VERSION, machine: found })
  else process.stdout.write(describeMachine(found))
}

function importFiles(files: string[], output: string | undefined): void {
  const document = importMachine(files)
  if (output === undefined) {
    process.stdout.write(machineText(document, 'yaml'))
    return
  }
  writeMachine(output, document)
  const { warnings } = parseMachine(machineText(document, 'json'), output)
  process.stderr.write(`wrote ${output}\n${warnings.map((warning) => `warning: ${warning}\n`).join('')}`)
}
