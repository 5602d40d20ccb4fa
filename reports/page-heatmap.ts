import {
  defineReport,
  formatCount,
  gridColumns,
  LANE_TOOLTIP,
  type ReportChart,
  type ReportTable,
  type Row,
  type RunTables,
  TimeGrid,
  timeAxis,
} from '../src/report/index.ts'

/** Columns and rows of the picture of one policy, finest first; the first that stays within MOST_RECTANGLES is drawn. */
const GRAINS = [
  [120, 72],
  [100, 48],
  [80, 32],
  [60, 24],
  [48, 16],
  [32, 10],
  [24, 6],
] as const
/** Some 100 bytes each in a drawing. */
const MOST_RECTANGLES = 3000
/** A stretch of which no node holds so much lies on several nodes. */
const MAIN_SHARE = 0.75
const MIXED = 'several'
/** Shades of the chart; each is LEVEL_STEP times the one before. */
const LEVELS = 5
const LEVEL_STEP = 4

export default defineReport({
  title: 'Pages over time',
  section: 'locality',
  question: 'Which memory is hot when, where does it lie, and when does it move?',
  tables: ['epochs', 'heat', 'placement'],
  text: (run) => [heatText(run), placementText(run)],
  charts(run): ReportChart[] {
    const grid = new TimeGrid(run)
    const { rectangles, pages, marks } = finestThatFits(run, grid)
    const nodes = run.record.machine.nodes.map(({ id }) => String(id))
    return [
      {
        name: 'page-heatmap',
        title: 'Accesses and placement of pages over time',
        caption: `Strong is hot (each shade ${LEVEL_STEP} times the next), palest is idle; colour is the node of these pages, or ‘${MIXED}’; a line is where they moved.`,
        description: 'Heat maps, one per policy: pages in order of address against time, shaded by accesses and coloured by node, with marks where pages moved',
        width: 'full',
        sampling:
          'a row shows kept pages as they are, of which each stands for others that lie elsewhere too; accesses are expanded. There is no error of a row: it is no count of all pages at these addresses.',
        data: { cells: rectangles },
        spec: {
          data: { name: 'cells' },
          facet: { field: 'lane', type: 'nominal', title: null },
          columns: gridColumns(run.record.lanes.length, 2),
          spacing: { row: 22, column: 22 },
          // shared ones would stand below the hole of a last row that is not full
          resolve: { axis: { x: 'independent' } },
          spec: {
            width: run.record.lanes.length === 1 ? 1000 : 475,
            height: run.record.lanes.length === 1 ? 300 : 170,
            encoding: {
              x: { ...timeAxis(grid), field: 'start', axis: { tickCount: 6 } },
              y: {
                field: 'low',
                type: 'quantitative',
                title: 'address of the pages touched',
                scale: { domain: [0, pages] },
                // pages that nobody touches have no room, so an address stands where its page is
                axis: {
                  values: marks.map(({ at }) => at),
                  grid: false,
                  labelExpr: `${JSON.stringify(Object.fromEntries(marks.map(({ at, label }) => [at, label])))}[datum.value]`,
                },
              },
              y2: { field: 'high' },
            },
            layer: [
              {
                mark: { type: 'rect', clip: true },
                encoding: {
                  x2: { field: 'until' },
                  color: {
                    field: 'node',
                    type: 'nominal',
                    title: 'node',
                    scale: { domain: [...nodes, MIXED], range: [...nodes.map((_, i) => `theme:node-${i % 8}`), 'theme:fault'] },
                  },
                  opacity: { field: 'level', type: 'quantitative', legend: null, scale: { domain: [0, LEVELS], range: [0.1, 1] } },
                  tooltip: [
                    LANE_TOOLTIP,
                    { field: 'address', title: 'from address' },
                    { field: 'start', type: 'quantitative', title: `from (${grid.unit})`, format: '.4~g' },
                    { field: 'until', type: 'quantitative', title: `until (${grid.unit})`, format: '.4~g' },
                    { field: 'accesses', type: 'quantitative', format: ',' },
                    { field: 'node' },
                  ],
                },
              },
              { transform: [{ filter: 'datum.moved' }], mark: { type: 'rule', clip: true, color: 'theme:ink', strokeWidth: 1.5 } },
            ],
          },
        },
      },
    ]
  },
})

/** Accesses and placement of a run on a grid of `columns` × `rows` at most. */
class HeatMap {
  readonly columns: number
  readonly rows: number
  /** Ends of the columns, ns. */
  readonly endsNs: number[]
  /** First touched page of each row in address order, and the number of all pages. */
  readonly edges: number[]
  readonly addresses: string[]
  readonly accesses: Float64Array
  readonly #timeOf: Map<number, number>
  readonly #binsPerRow: number
  readonly #bins: number

  constructor(heat: Row[], columns: number, rows: number) {
    const times = [...new Set(heat.map((row) => row['time_ns'] as number))].sort((a, b) => a - b)
    const binsPerColumn = Math.max(1, Math.ceil(times.length / columns))
    this.endsNs = times.filter((_, i) => (i + 1) % binsPerColumn === 0 || i === times.length - 1)
    this.#timeOf = new Map(times.map((time, i) => [time, Math.floor(i / binsPerColumn)]))
    this.#bins = heat.reduce((most, row) => Math.max(most, (row['bin'] as number) + 1), 0)
    this.#binsPerRow = Math.max(1, Math.ceil(this.#bins / rows))
    this.columns = this.endsNs.length
    this.rows = Math.ceil(this.#bins / this.#binsPerRow)
    this.accesses = new Float64Array(this.columns * this.rows)
    const pages = new Float64Array(this.#bins)
    const firsts: string[] = []
    for (const { time_ns, bin, pages: held, accesses, address, pid } of heat) {
      const row = this.rowOf(bin as number)
      this.accesses[row * this.columns + this.#timeOf.get(time_ns as number)!]! += accesses as number
      pages[bin as number] = held as number
      firsts[bin as number] = `${address} of ${pid}`
    }
    this.edges = [0]
    this.addresses = []
    for (let row = 0; row < this.rows; row++) {
      const own = pages.subarray(row * this.#binsPerRow, (row + 1) * this.#binsPerRow)
      this.edges.push(this.edges[row]! + own.reduce((sum, count) => sum + count, 0))
      this.addresses.push(firsts.slice(row * this.#binsPerRow, (row + 1) * this.#binsPerRow).find((first) => first !== undefined) ?? '')
    }
  }

  rowOf(bin: number): number {
    return Math.floor(bin / this.#binsPerRow)
  }

  startNs(column: number): number {
    return column === 0 ? 0 : this.endsNs[column - 1]!
  }

  /** Accesses per ns, so that a short last column is not pale. */
  rate(row: number, column: number): number {
    return this.accesses[row * this.columns + column]! / (this.endsNs[column]! - this.startNs(column) || 1)
  }

  get highestRate(): number {
    let highest = 0
    for (let row = 0; row < this.rows; row++) for (let column = 0; column < this.columns; column++) highest = Math.max(highest, this.rate(row, column))
    return highest
  }

  /** Where the pages of each cell lie at the end of its column: a node, MIXED, or null where nothing is in memory. Row by row. */
  nodes(placement: Row[]): (string | null)[] {
    const cells = Array.from({ length: this.columns * this.rows }, () => new Map<string, number>())
    const byBin = Array.from({ length: this.#bins }, (): Row[] => [])
    for (const row of placement) byBin[row['bin'] as number]?.push(row)
    byBin.forEach((changes, bin) => {
      let next = 0
      let node: string | null = null
      for (let column = 0; column < this.columns; column++) {
        for (; next < changes.length && (changes[next]!['time_ns'] as number) < this.endsNs[column]!; next++) node = mainNode(changes[next]!)
        const cell = cells[this.rowOf(bin) * this.columns + column]!
        if (node !== null) cell.set(node, (cell.get(node) ?? 0) + 1)
      }
    })
    return cells.map((cell) => {
      const all = [...cell.values()].reduce((sum, bins) => sum + bins, 0)
      const [node, bins] = [...cell].reduce((most, one) => (one[1] > most[1] ? one : most), [MIXED, 0] as [string, number])
      return all === 0 ? null : bins < MAIN_SHARE * all ? MIXED : node
    })
  }
}

const mainNode = ({ node, share }: Row): string | null => (node === null ? null : (share as number) < MAIN_SHARE ? MIXED : String(node))

function finestThatFits(run: RunTables, grid: TimeGrid): { rectangles: Row[]; pages: number; marks: { at: number; label: string }[] } {
  const heat = run.rows('heat')
  const placement = placementByLane(run)
  for (const [columns, rows] of GRAINS) {
    const map = new HeatMap(heat, columns, rows)
    const rectangles = [...placement].flatMap(([lane, changes]) => rectanglesOf(map, lane, changes, grid))
    if (rectangles.length <= MOST_RECTANGLES || rows === GRAINS.at(-1)![1]) return { rectangles, pages: map.edges.at(-1)!, marks: marksOf(map) }
  }
  return { rectangles: [], pages: 0, marks: [] }
}

/** Addresses on the axis, of pages about equally far apart. */
const MARKS = 5

function marksOf({ edges, addresses, rows }: HeatMap): { at: number; label: string }[] {
  const count = Math.min(MARKS, rows)
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor((i * rows) / count)
    return { at: edges[row]!, label: addresses[row]!.split(' ')[0]! }
  })
}

function placementByLane(run: RunTables): Map<string, Row[]> {
  const byLane = new Map(run.record.lanes.map(({ label }): [string, Row[]] => [label, []]))
  for (const row of run.rows('placement')) byLane.get(row['lane'] as string)!.push(row)
  return byLane
}

/** Neighbours in time that look the same are one rectangle. */
function rectanglesOf(map: HeatMap, lane: string, changes: Row[], grid: TimeGrid): Row[] {
  const nodes = map.nodes(changes)
  const highest = map.highestRate
  const rectangles: Row[] = []
  for (let row = 0; row < map.rows; row++) {
    let open: Row | undefined
    let before: string | null = null
    for (let column = 0; column < map.columns; column++) {
      const node = nodes[row * map.columns + column]!
      const accesses = map.accesses[row * map.columns + column]!
      const level = levelOf(map.rate(row, column), highest, LEVELS, LEVEL_STEP)
      const until = grid.inUnit(map.endsNs[column]!)
      const moved = node !== null && before !== null && node !== before
      if (node !== null) before = node
      if (open && open['node'] === node && open['level'] === level) {
        open['until'] = until
        open['accesses'] = (open['accesses'] as number) + accesses
        continue
      }
      open =
        node === null
          ? undefined
          : {
              lane,
              low: map.edges[row]!,
              high: map.edges[row + 1]!,
              address: map.addresses[row]!,
              start: grid.inUnit(map.startNs(column)),
              until,
              node,
              level,
              accesses,
              moved,
            }
      if (open) rectangles.push(open)
    }
  }
  return rectangles
}

/** 0 = not at all, `levels` = within `step` of the highest, and so down. */
function levelOf(rate: number, highest: number, levels: number, step: number): number {
  if (rate <= 0) return 0
  return Math.max(1, levels - Math.floor(Math.log(highest / rate) / Math.log(step) + 1e-9))
}

/** Of the tables, in a sample of pages. */
const KEPT = 'Rows are kept pages as they are, without error; pages and accesses are expanded to those that they stand for, which lie elsewhere too.'

const TEXT_COLUMNS = 40
const TEXT_ROWS = 20
const PLACEMENT_ROWS = 8

/** As `damo report heats` prints it: one letter per cell, 9 is hottest. */
function heatText(run: RunTables): ReportTable {
  const map = new HeatMap(run.rows('heat'), TEXT_COLUMNS, TEXT_ROWS)
  const highest = map.highestRate
  const letter = (row: number, column: number): string => {
    const level = levelOf(map.rate(row, column), highest, 10, 2)
    return level === 0 ? '.' : String(level - 1)
  }
  const line = (row: number): string => Array.from({ length: map.columns }, (_, column) => letter(row, column)).join('')
  return {
    title: 'Accesses by address over time',
    columns: [
      { heading: 'from address of pid', align: 'left' },
      { heading: 'pages', align: 'right' },
      { heading: 'start to end', align: 'left' },
    ],
    rows: map.addresses.map((address, row) => [address, formatCount(map.edges[row + 1]! - map.edges[row]!), line(row)]),
    sampling: KEPT,
    notes: map.rows === 0 ? ['No picture was kept.'] : ['9 is hottest, each figure less is half as many accesses, . is none.'],
  }
}

function placementText(run: RunTables): ReportTable {
  const map = new HeatMap(run.rows('heat'), TEXT_COLUMNS, PLACEMENT_ROWS)
  const rows = [...placementByLane(run)].flatMap(([lane, changes]) => {
    const nodes = map.nodes(changes)
    return map.addresses.flatMap((address, row) => {
      const line = nodes.slice(row * map.columns, (row + 1) * map.columns)
      const hasMoved = new Set(line.filter((node) => node !== null)).size > 1
      return hasMoved ? [[lane, address, line.map(nodeLetter).join('')]] : []
    })
  })
  return {
    title: 'Where pages lie over time',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' },
      { heading: 'from address of pid', align: 'left' },
      { heading: 'node, start to end', align: 'left' },
    ],
    rows,
    sampling: KEPT,
    notes: [
      rows.length === 0
        ? 'In no policy did a stretch of pages change its node.'
        : `Stretches that do not change are left out; ~ is ${MIXED} nodes, . is not in memory.`,
    ],
  }
}

/** Nodes 0 to 9, then letters. */
const nodeLetter = (node: string | null): string => (node === null ? '.' : node === MIXED ? '~' : Number(node) < 36 ? Number(node).toString(36) : '+')
