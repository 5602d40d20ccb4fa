/** Figures with their error, as tables write them. */
import { expect, it } from 'vitest'
import { withError } from '../../src/results/index.ts'
import { formatCount, formatDuration, formatPercent } from '../../src/units.ts'

const S = 1e9

it.each([
  [4.25 * S, 0.03 * S, '4.25s ±0.03s'],
  [5.1 * S, 0.03 * S, '5.10s ±0.03s'],
  [5.1 * S, 0.001 * S, '5.10s ±<0.01s'],
  [20 * S, 0.4 * S, '20.0s ±0.4s'],
  [0.2962 * S, 0.0161 * S, '296.2ms ±16.1ms'],
  [1500, 3000, '1.50us ±3.00us'],
  [7, 1, '7.00ns ±1.00ns'],
  [5.1 * S, 0, '5.1s'],
  [5.1 * S, null, '5.1s'],
])('%d ns ± %d', (value, half, text) => {
  expect(withError(value, half, formatDuration)).toBe(text)
})

it('other formats have as many decimals with an error as without', () => {
  expect(withError(0.5, 0.0001, formatPercent)).toBe('50.0% ±<0.1%')
  expect(withError(1234, 12, formatCount)).toBe('1,234 ±12')
  expect(withError(-0.04, 0.003, formatPercent)).toBe('-4.0% ±0.3%')
})
