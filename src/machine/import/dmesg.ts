/**
 * Kernel log lines of ACPI SRAT (memory ranges of each node) and HMAT (latency and bandwidth of every initiator and target;
 * sysfs shows the best initiator only). drivers/acpi/numa/srat.c and hmat.c.
 */
import { UserError } from '../../errors.ts'
import { type DumpReader, emptyFindings, type Findings, wholeNumber } from './findings.ts'

const FORMAT = 'kernel log'

export const dmesg: DumpReader = {
  format: FORMAT,
  recognises: (text) => /acpi\/hmat: |ACPI: SRAT: Node \d+ PXM \d+/.test(text),
  read,
}

function read(text: string, file: string): Findings {
  const found = emptyFindings(file, FORMAT)
  const nodeOfDomain = new Map<number, number>()
  const cells: { kind: string; initiator: number; target: number; value: number }[] = []
  let kind = ''
  for (const [index, line] of text.split('\n').entries()) {
    const place = { file, line: index + 1 }
    const range = /SRAT: Node (\d+) PXM (\d+) \[mem 0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\]( hotplug)?/.exec(line)
    const locality = /acpi\/hmat: Locality: Flags:([0-9a-f]+) Type:(\w+ \w+) /.exec(line)
    const cell = /acpi\/hmat: +Initiator-Target\[(\d+)-(\d+)\]:(\d+) ?(nsec|MB\/s)/.exec(line)
    if (range) {
      const node = wholeNumber(range[1]!, { ...place, field: 'node' })
      const bytes = Number.parseInt(range[4]!, 16) - Number.parseInt(range[3]!, 16) + 1
      if (!(bytes > 0 && bytes <= 2 ** 52)) throw new UserError('not a range of memory', { ...place, got: range[0] })
      nodeOfDomain.set(wholeNumber(range[2]!, { ...place, field: 'PXM' }, 2 ** 32), node)
      found.nodes.add(node)
      // a window where memory could be plugged in, usually larger than what is there
      if (!range[5]) found.bytes.set(node, (found.bytes.get(node) ?? 0) + bytes)
    } else if (locality) {
      // the low four bits name the level: 0 is memory, the others are memory-side caches (ACPI 6.5, table 5.146)
      kind = (Number.parseInt(locality[1]!, 16) & 15) === 0 ? locality[2]! : ''
    } else if (cell && kind !== '') {
      const value = wholeNumber(cell[3]!, { ...place, field: kind }, 2 ** 40)
      // 0 = not provided; 65535 in the table = not reachable, printed times its base unit
      if (value > 0) {
        const [initiator, target] = [cell[1]!, cell[2]!].map((domain) => wholeNumber(domain, { ...place, field: 'proximity domain' }, 2 ** 32))
        cells.push({ kind, initiator: initiator!, target: target!, value })
      }
    }
  }
  for (const { kind, initiator, target, value } of cells) {
    const from = nodeOfDomain.get(initiator) ?? initiator
    const to = nodeOfDomain.get(target) ?? target
    if (kind === 'Access Latency' || kind === 'Read Latency') found.readNs.set(from, to, value)
    if (kind === 'Access Latency' || kind === 'Write Latency') found.writeNs.set(from, to, value)
    if (kind === 'Access Bandwidth' || kind === 'Read Bandwidth') found.bandwidthGBps.set(from, to, value / 1000)
  }
  for (const node of found.readNs.ids()) found.nodes.add(node)
  return found
}
