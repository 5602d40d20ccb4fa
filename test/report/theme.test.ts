import { expect, test } from 'vitest'
import { laneDash, laneRole, overlayDash, ROLES, type Role } from '../../src/report/theme.ts'

type Rgb = [number, number, number]
const linear = (hex: string): Rgb =>
  [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }) as Rgb
const times = (matrix: number[], [r, g, b]: Rgb): Rgb => [0, 3, 6].map((row) => matrix[row]! * r + matrix[row + 1]! * g + matrix[row + 2]! * b) as Rgb

/** Machado, Oliveira, Fernandes 2009, table 1, severity 1.0, on linear RGB. */
const VISION: Record<string, number[]> = {
  normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
}

/** Björn Ottosson 2020: distances in OKLab are even to the eye; 0.02 is just noticeable side by side. */
function oklab(rgb: Rgb): Rgb {
  const lms = times([0.4122214708, 0.5363325363, 0.0514459929, 0.2119034982, 0.6806995451, 0.1073969566, 0.0883024619, 0.2817188376, 0.6299787005], rgb).map(
    (x) => Math.cbrt(Math.max(0, x)),
  ) as Rgb
  return times([0.2104542553, 0.793617785, -0.0040720468, 1.9779984951, -2.428592205, 0.4505937099, 0.0259040371, 0.7827717662, -0.808675766], lms)
}
const distance = (a: string, b: string, vision: string): number => {
  const [p, q] = [a, b].map((hex) => oklab(times(VISION[vision]!, linear(hex))))
  return Math.hypot(p![0] - q![0], p![1] - q![1], p![2] - q![2])
}
const luminance = (hex: string): number => times([0.2126, 0.7152, 0.0722, 0, 0, 0, 0, 0, 0], linear(hex))[0]
const contrast = (a: string, b: string): number => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

const schemes = [0, 1] as const
const lanes = (scheme: 0 | 1, count: number): string[] => Array.from({ length: count }, (_, i) => ROLES[laneRole(i)][scheme])

test.each(Object.keys(VISION))('eight lanes can be told apart with %s', (vision) => {
  for (const scheme of schemes) {
    const colours = lanes(scheme, 8)
    for (let i = 0; i < colours.length; i++) {
      for (let j = 0; j < i; j++) expect(distance(colours[i]!, colours[j]!, vision), `${colours[j]} and ${colours[i]}`).toBeGreaterThan(0.09)
    }
  }
})

test.each(Object.keys(VISION))('local and remote, moved and failed can be told apart with %s', (vision) => {
  for (const scheme of schemes) {
    for (const [a, b] of [
      ['local', 'remote'],
      ['local', 'migrate'],
      ['node-0', 'node-1'],
    ] as [Role, Role][]) {
      expect(distance(ROLES[a][scheme], ROLES[b][scheme], vision)).toBeGreaterThan(0.09)
    }
  }
})

test('lines stand out from the paper (WCAG 1.4.11: 3:1), texts are readable (1.4.3: 4.5:1)', () => {
  for (const scheme of schemes) {
    const paper = ROLES.surface[scheme]
    for (const colour of lanes(scheme, 10)) expect(contrast(colour, paper), colour).toBeGreaterThan(2.9)
    for (const role of ['ink', 'soft'] as const) expect(contrast(ROLES[role][scheme], paper)).toBeGreaterThan(4.5)
  }
})

test('lanes beyond the colours have another dash, and the baseline none', () => {
  const signs = Array.from({ length: 30 }, (_, i) => JSON.stringify([laneRole(i), laneDash(i)]))
  expect(new Set(signs).size).toBe(signs.length)
  expect(laneDash(0)).toEqual([])
  expect(overlayDash(1)).toEqual([6, 6])
})
