import { describe, expect, it } from 'vitest'
import { MODIFY, READ, WRITE } from '../../src/trace/index.ts'
import lackey from '../../traces/lackey.ts'
import { type Recorder, readText } from './recorder.ts'

async function read(text: string, chunk?: number): Promise<Recorder> {
  const result = await readText(lackey, text, {}, chunk)
  if (typeof result === 'string') throw new Error(result)
  return result
}

describe('lackey', () => {
  // lk_main.c:trace_load … trace_modify: " L %08lx,%lu", and "I  " for instructions
  const log = '==77== Lackey, an example Valgrind tool\nI  0401ab70,3\n S 1fff000688,8\n L 04835884,4\nhello from the program\n M 04a2b0c0,8\n==77== \n'

  it('counts loads, stores, modifies and instructions; noise is skipped', async () => {
    for (const chunk of [1, 3, 1000]) {
      const { calls, facts } = await read(log, chunk)
      expect(calls).toEqual([
        [3, 0, '77/77', -1, '0x1fff000688', 8, WRITE, 1],
        [4, 1, '77/77', -1, '0x4835884', 4, READ, 1],
        [6, 2, '77/77', -1, '0x4a2b0c0', 8, MODIFY, 1],
      ])
      expect(facts).toEqual({ instructions: 1, otherLines: 3, timeSource: 'number of the data record, 1 ns apart' })
    }
  })

  it('threads by --trace-sched=yes: who takes the big lock makes the next accesses', async () => {
    const text =
      '--77--   SCHED[1]:  acquired lock (thread_wrapper)\n L 00001000,4\n--77--   SCHED[3]:  acquired lock (VG_(client_syscall)[async])\n S 00002000,4\n--77--   SCHED[3]: releasing lock (x) -> VgTs_Yielding\n S 00003000,4'
    expect((await read(text)).calls.map((call) => (call as unknown[])[2])).toEqual(['77/1', '77/3', '77/3'])
  })

  it('lines that only look alike are not accesses', async () => {
    for (const line of [' L 00001000', ' L 0000100g,4', ' L ,4', ' L 00001000,', ' L 00000000000001000,4', ' X 00001000,4', 'L 00001000,4', ' L 00001000,4 '])
      expect((await read(`${line}\n L 00000001,1\n`)).calls, line).toHaveLength(1)
  })

  it('is recognised by its lines, with and without instructions, wherever noise stands', () => {
    const head = (text: string) => ({ bytes: Buffer.from(text), text, fileName: 'x' })
    expect(lackey.recognise(head(log))).toBeGreaterThan(0.9)
    expect(lackey.recognise(head(' L 04835884,4\n'))).toBeGreaterThan(0.9)
    expect(lackey.recognise(head('L 04835884 4\n'))).toBe(0)
  })
})
