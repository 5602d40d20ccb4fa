/** The small formats of simulators: text and binary, each with what it says and what it cannot. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countsByPage, openText } from './helpers.ts'

describe('text', () => {
  test.each([
    ['dinero', '0 7ffe1008\n1 7ffe1010 8\n2 401000\n0 600000 rest is comment\n', { reads: 2, writes: 1, pages: 2, bytes: 8 }],
    ['pinatrace', '0x401000: R 0x7ffe1008\n0x401003: W 0x7ffe2010\n#eof\n', { reads: 1, writes: 1, pages: 2 }],
    ['ramulator', 'LD 12345\nST 16384\n', { reads: 1, writes: 1, pages: 2 }],
    ['ramulator', 'R 0x1000\nW 0x1040\n', { reads: 1, writes: 1, pages: 1 }],
    ['ramulator', '0x12345680 R\n0x4cbd56c0 W\n', { reads: 1, writes: 1, pages: 2 }],
    ['ramulator', '3 20734016\n7 20734080 20734016\n', { reads: 2, writes: 1, pages: 1 }],
    ['cori', '0x7f0000001000\n0x7f0000002000 anything\n', { reads: 2, writes: 0, pages: 2 }],
    ['dramsim', '0x7f64768 P_MEM_WR 2\n0x2d100a8 P_FETCH 10\n0x41a9200 READ 12\n', { reads: 1, writes: 1, timeFirstNs: 2, timeLastNs: 12 }],
    ['gem5', 'r,4096,64,256,77000\nw,8192,64,0,78500\nu,8192,64,0,79000\n', { reads: 1, writes: 1, timeFirstNs: 77, timeLastNs: 78 }],
    ['gem5', '1,r,4096,64,256,77000,401000\n2,w,8192,64,0,78500,401004\n', { reads: 1, writes: 1, timeLastNs: 78 }],
  ])('%s %j', async (format, text, expected) => {
    const { meta } = await openText(text)
    expect(meta).toMatchObject({ format, ...expected })
  })

  test('addresses of 64 bits, decimal and hexadecimal', async () => {
    const { pageVpage } = await openText('R 18446744073709551615\nW 0xfffffffffffff000\nR 9007199254740993\n')
    expect([...pageVpage]).toEqual([2 ** 52 - 1, 2199023255552])
  })

  test('the third column of a pinatrace is what the user says', async () => {
    const text = '0x1: R 0x1000 4\n0x1: W 0x1000 5\n#eof\n'
    expect((await openText(text, { formatOptions: { third: 'size' } })).meta.bytes).toBe(9)
    expect((await openText(text, { formatOptions: { third: 'tid' } })).tasks.map(({ tid }) => tid)).toEqual([4, 5])
    await expect(openText(text, { formatOptions: { third: 'time' } })).rejects.toThrow(/expected size or tid/)
  })

  test.each([
    ['0 7ffe1008\nx 7ffe1010\n', { format: 'dinero' }, /:2: not a din record/],
    ['0x1: R 0x1000\n', {}, /last line is not #eof/],
    ['LD 12345\nLD 18446744073709551616\n', {}, /:2: not a record of Ramulator/],
    ['0x1000\n0x2000z\n', { format: 'cori' }, /:2: not an address/],
    ['r,4096,64,0,77000\nr,4096,64,0,76000\n', {}, /:2: .*time goes back/],
    ['0x1000 READ 5\n0x1000 READ 4\n', {}, /:2: .*time goes back/],
  ])('%j is refused', async (text, options, message) => {
    await expect(openText(text, options)).rejects.toThrow(message)
  })

  test('a cycle has the length that the user gives', async () => {
    const { meta } = await openText('0x1000 READ 0\n0x1000 READ 3000\n', { formatOptions: { cycle: '0.833ns' } })
    expect(meta.timeLastNs).toBe(2499)
  })
})

describe('ChampSim', () => {
  const instruction = (stores: bigint[], loads: bigint[]) => {
    const bytes = Buffer.alloc(64)
    bytes.writeBigUInt64LE(0x401000n, 0)
    stores.forEach((address, i) => {
      bytes.writeBigUInt64LE(address, 16 + 8 * i)
    })
    loads.forEach((address, i) => {
      bytes.writeBigUInt64LE(address, 32 + 8 * i)
    })
    return bytes
  }
  const program = Buffer.concat([
    instruction([], []),
    instruction([0x7fff0000n], [0x1000n, 0x2000n]),
    instruction([], [0xffff8000_00000008n]),
    instruction([], []),
  ])

  test('stores, loads, instructions', async () => {
    const { meta, pageVpage } = await openText(program)
    expect(meta).toMatchObject({ format: 'champsim', reads: 3, writes: 1, pages: 4 })
    expect(meta.formatFacts['instructions']).toBe(4)
    expect([...pageVpage]).toContain(0xffff8_0000_0000)
  })

  test('cut off', async () => {
    await expect(openText(program.subarray(0, -1), { format: 'champsim' })).rejects.toThrow(/middle of a record/)
    expect((await openText(program.subarray(0, -1), { format: 'champsim', lenient: true })).meta.records).toBe(4)
  })
})

test('oracleGeneral: objects become pages, seconds count from the first', async () => {
  const request = (time: number, object: bigint, size: number, next: bigint) => {
    const bytes = Buffer.alloc(24)
    bytes.writeUInt32LE(time, 0)
    bytes.writeBigUInt64LE(object, 4)
    bytes.writeUInt32LE(size, 12)
    bytes.writeBigInt64LE(next, 16)
    return bytes
  }
  const file = Buffer.concat(Array.from({ length: 10 }, (_, i) => request(1_500_000_000 + i, BigInt(i % 5) + (7n << 30n), 512, i < 5 ? BigInt(i + 5) : -1n)))
  const { meta, pageVpage } = await openText(file)
  expect(meta).toMatchObject({ format: 'oracle-general', records: 10, pages: 5, bytes: 5120, timeFirstNs: 0, timeLastNs: 9e9 })
  expect(pageVpage[0]).toBe(7 * 2 ** 30)
})

describe('gem5 protobuf', () => {
  const varint = (value: bigint): number[] => (value < 0x80n ? [Number(value)] : [Number(value & 0x7fn) | 0x80, ...varint(value >> 7n)])
  const field = (number: number, value: bigint) => [...varint(BigInt(number * 8)), ...varint(value)]
  const text = (number: number, value: string) => [...varint(BigInt(number * 8 + 2)), ...varint(BigInt(value.length)), ...Buffer.from(value)]
  const message = (...parts: number[][]) => {
    const body = parts.flat()
    return [...varint(BigInt(body.length)), ...body]
  }
  const file = (packets: { tick: number; cmd: number; addr: bigint; size: number }[]) =>
    Buffer.from([
      ...Buffer.from('gem5'),
      ...message(text(1, 'system.monitor'), field(3, 10n ** 12n)),
      ...packets.flatMap(({ tick, cmd, addr, size }) =>
        message(field(1, BigInt(tick)), field(2, BigInt(cmd)), field(3, addr), field(4, BigInt(size)), field(6, 9n)),
      ),
    ])

  test('the same packets as text and as protobuf give the same trace', async () => {
    const packet = fc.record({
      step: fc.nat(50_000),
      cmd: fc.constantFrom(1, 4, 2),
      addr: fc.bigInt({ min: 0n, max: 2n ** 48n }),
      size: fc.constantFrom(1, 8, 64),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(packet, { minLength: 1, maxLength: 60 }), async (list) => {
        let tick = 0
        const packets = [{ step: 0, cmd: 1, addr: 0n, size: 8 }, ...list].map(({ step, ...packet }) => {
          tick += step
          return { ...packet, tick }
        })
        const lines = packets.map(({ cmd, addr, size, tick }) => `${{ 1: 'r', 4: 'w' }[cmd] ?? 'u'},${addr},${size},0,${tick}\n`).join('')
        const [a, b] = await Promise.all([openText(lines), openText(file(packets))])
        expect(b!.meta.digest).toBe(a!.meta.digest)
        expect(countsByPage(b!)).toEqual(countsByPage(a!))
      }),
      { numRuns: 30 },
    )
  })

  test('cut off, and a length that claims too much', async () => {
    const whole = file([{ tick: 1, cmd: 1, addr: 4096n, size: 8 }])
    await expect(openText(whole.subarray(0, -1))).rejects.toThrow(/middle of a packet/)
    await expect(openText(Buffer.concat([whole, Buffer.from(varint(2n ** 40n))]))).rejects.toThrow(/larger than 1 MiB/)
  })
})
