/**
 * Colours and type of all charts, in one place. Every colour is a role with a light and a dark value; charts in a page use
 * CSS variables of the same names, so that light, dark and print are a matter of style sheets and nothing is drawn twice.
 *
 * Lanes: chosen for normal vision and simulated protanopia, deuteranopia and tritanopia (test/report/theme.test.ts measures
 * it); the baseline is neutral grey. Local is cool, remote is warm; nothing is told by red against green.
 */
export const ROLES = {
  ink: ['#1b2230', '#e8ebf1'],
  soft: ['#566074', '#a5afc0'],
  grid: ['#e4e7ed', '#2e3644'],
  surface: ['#ffffff', '#171c26'],
  local: ['#3b82c4', '#5b9fe0'],
  remote: ['#e08214', '#f0a04b'],
  'remote-2': ['#b35806', '#c9731a'],
  'remote-3': ['#7f3b08', '#96500f'],
  fault: ['#8e4b9e', '#c084d4'],
  migrate: ['#c2334d', '#f06f86'],
  observe: ['#7b8494', '#99a3b5'],
  'lane-0': ['#474e5c', '#7c8491'],
  'lane-1': ['#183aa5', '#00a2ff'],
  'lane-2': ['#ba4200', '#ff6d28'],
  'lane-3': ['#368178', '#1eda9f'],
  'lane-4': ['#a349e1', '#e065d0'],
  'lane-5': ['#d1820d', '#f6cc3c'],
  'lane-6': ['#1f9fbd', '#83f0ff'],
  'lane-7': ['#5c1700', '#ad5e2b'],
  'lane-8': ['#d6468f', '#ff9fcb'],
  'lane-9': ['#7e8f1a', '#c3d05a'],
  'node-0': ['#2f6db3', '#6aa7ea'],
  'node-1': ['#e39a2d', '#f2b45c'],
  'node-2': ['#3a9c86', '#5ec9b0'],
  'node-3': ['#a85a9c', '#d58fca'],
  'node-4': ['#8a6d3b', '#c4a46c'],
  'node-5': ['#6c7fd8', '#9fadf5'],
  'node-6': ['#b8b02e', '#d8d060'],
  'node-7': ['#7b8494', '#a5afc0'],
  'heat-0': ['#eef2f7', '#222a37'],
  'heat-1': ['#d3e1ee', '#263a50'],
  'heat-2': ['#a9c8e2', '#2c5174'],
  'heat-3': ['#77a9d3', '#336c9c'],
  'heat-4': ['#5591c6', '#3b79ac'],
  'heat-5': ['#22609a', '#77b1e2'],
  'heat-6': ['#123f6e', '#b9dbf7'],
} as const satisfies Record<string, readonly [light: string, dark: string]>

export type Role = keyof typeof ROLES
/** `page`: CSS variables, to be resolved by the style sheet of the HTML report. */
export type Scheme = 'light' | 'dark' | 'page'

export const roleColour = (role: Role, scheme: Scheme): string => (scheme === 'page' ? `var(--${role})` : ROLES[role][scheme === 'light' ? 0 : 1])

export const LANE_COLOURS = 10
const NODE_COLOURS = 8
/** Lanes beyond the colours repeat them with another dash. */
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]]

export const laneRole = (index: number): Role => `lane-${index === 0 ? 0 : 1 + ((index - 1) % (LANE_COLOURS - 1))}` as Role
export const nodeRole = (index: number): Role => `node-${index % NODE_COLOURS}` as Role
export const laneDash = (index: number): number[] => (index === 0 ? [] : DASHES[Math.floor((index - 1) / (LANE_COLOURS - 1)) % DASHES.length]!)

/** A line over `below` others of the same course: gaps let each of them show. */
export const overlayDash = (below: number): number[] => [12 / (below + 1), 12 - 12 / (below + 1)]

/** Files name the font whose metrics laid them out; Verdana has nearly the same. Pages use the reader's own. */
export const FILE_FONT = 'DejaVu Sans, Verdana, sans-serif'
export const PAGE_FONT = 'system-ui, -apple-system, Segoe UI, Roboto, Ubuntu, Cantarell, sans-serif'

/** Vega-Lite config of every chart. */
export function chartConfig(scheme: Scheme): Record<string, unknown> {
  const [ink, soft, grid] = (['ink', 'soft', 'grid'] as const).map((role) => roleColour(role, scheme))
  const font = scheme === 'page' ? PAGE_FONT : FILE_FONT
  return {
    font,
    background: scheme === 'page' ? null : roleColour('surface', scheme),
    padding: scheme === 'page' ? 2 : 14,
    // Marks are described by the chart's own label and its table: hundreds of labelled points would only drown a listener
    aria: false,
    view: { stroke: null },
    title: { font, color: ink, subtitleColor: soft, fontSize: 14, subtitleFontSize: 11.5, subtitlePadding: 5, anchor: 'start', frame: 'bounds', offset: 14 },
    axis: {
      labelColor: soft,
      titleColor: soft,
      labelFontSize: 11,
      titleFontSize: 11,
      titleFontWeight: 'normal',
      titlePadding: 8,
      gridColor: grid,
      domainColor: grid,
      tickColor: grid,
      tickSize: 4,
      labelPadding: 4,
      labelLimit: 260,
      titleLimit: 400,
    },
    axisX: { grid: false, labelFlush: true, labelOverlap: true, labelSeparation: 6 },
    axisY: { domain: false, ticks: false, tickCount: 5 },
    axisBand: { grid: false, domain: false, ticks: false, labelColor: ink, labelFontSize: 11.5 },
    header: { labelColor: ink, titleColor: soft, labelFontSize: 11.5, labelFontWeight: 600, labelAnchor: 'start', labelLimit: 320, labelPadding: 6 },
    legend: {
      labelColor: ink,
      titleColor: soft,
      titleFontWeight: 'normal',
      titleFontSize: 11,
      labelFontSize: 11.5,
      labelLimit: 300,
      symbolStrokeWidth: 2.5,
      // not as pale as a band
      symbolOpacity: 1,
      orient: 'top',
      direction: 'horizontal',
      columnPadding: 16,
      rowPadding: 3,
      offset: 10,
    },
    line: { strokeWidth: 2, strokeJoin: 'round', strokeCap: 'round' },
    area: { opacity: 0.9 },
    bar: { cornerRadiusEnd: 2 },
    text: { color: ink, fontSize: 11.5, font },
    rule: { color: soft },
    point: { size: 90, filled: true, opacity: 1 },
  }
}
