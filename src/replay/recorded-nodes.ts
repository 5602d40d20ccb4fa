/** Node numbers in a recording are those of the machine it was made on. */
import type { NodeIndex } from '../kernel/index.ts'
import type { Machine } from '../machine/index.ts'

/** The node with the same id; on a machine without it, its place modulo the nodes with memory (the report says so). */
export function nodeOfRecorded(machine: Machine, id: number): NodeIndex {
  const same = machine.nodes.findIndex((node) => node.id === id)
  if (same >= 0) return same
  const withMemory = machine.nodes.flatMap(({ bytes }, index) => (bytes > 0 ? [index] : []))
  return withMemory[id % withMemory.length]!
}
