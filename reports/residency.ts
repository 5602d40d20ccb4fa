import { basename } from 'node:path'
import {
  defineReport,
  errorLines,
  errorTooltip,
  formatCount,
  formatPercent,
  isSampled,
  LANE_BAR,
  LANE_ROWS,
  LANE_TOOLTIP,
  LINES,
  laneHeight,
  lanesIn,
  nodeMatrices,
  type ReportChart,
  type ReportTable,
  type Row,
  type RunTables,
  roomForWords,
  withError,
} from '../src/report/index.ts'

/** Where a page lies that the lane never touched, or gave back. */
const ABSENT = 'absent'

export default defineReport({
  title: 'Recorded residency',
  section: 'locality',
  question: 'Does the replay end with the pages where the kernel had them?',
  tables: ['residency'],
  appliesTo: (run) => run.record.residency !== undefined || run.rows('residency').length > 0,
  text: (run) => [agreement(run)],
  charts(run): ReportChart[] {
    const pages = placed(run)
    const known = new Set(run.record.machine.nodes.map(({ id }) => String(id)))
    const nodes = (field: 'recorded' | 'node') => [...known].filter((node) => pages.some((row) => row[field] === node))
    // The same nodes both ways, so that agreement is the diagonal
    const used = [...known].filter((node) => [...nodes('recorded'), ...nodes('node')].includes(node))
    const ends = pages.some((row) => row['node'] === ABSENT) ? [...used, ABSENT] : used
    return [
      {
        name: 'residency-agreement',
        title: 'Pages where the kernel had them',
        caption: `Of the pages that ${recording(run)} has on a node, the share that the policy ends with on the same node.`,
        description: 'Bar chart: share of the recorded pages that each policy ends with on the node on which the kernel had them',
        width: 'full',
        sampling: `${LINES}.`,
        // figures stand right of bars and their intervals
        data: { agreement: shares(run).map((row): Row => ({ ...row, reach: Math.min(1, row.share + (row.error ?? 0)) })) },
        spec: {
          data: { name: 'agreement' },
          height: laneHeight(lanesIn(pages)),
          encoding: {
            y: LANE_ROWS,
            x: {
              field: 'share',
              type: 'quantitative',
              title: 'share of the recorded pages',
              scale: { domain: [0, 1], ...roomForWords(56) },
              axis: { values: [0, 0.25, 0.5, 0.75, 1], format: '.0%' },
            },
            tooltip: [
              LANE_TOOLTIP,
              { field: 'share', type: 'quantitative', title: 'on the recorded node', format: '.1%' },
              { field: 'agreeing', type: 'quantitative', title: 'pages', format: ',' },
              { field: 'pages', type: 'quantitative', title: 'of', format: ',' },
              ...errorTooltip(run, '.1%'),
            ],
          },
          layer: [
            { mark: LANE_BAR, encoding: { color: { field: 'lane', type: 'nominal', legend: null } } },
            ...(isSampled(run) ? [errorLines('share', 'error', { y: LANE_ROWS }, 1)] : []),
            {
              mark: { type: 'text', align: 'left', dx: 5, fontWeight: 600 },
              encoding: { x: { field: 'reach', type: 'quantitative' }, text: { field: 'share', type: 'quantitative', format: '.1%' } },
            },
          ],
        },
      },
      {
        name: 'residency-matrix',
        title: 'Recorded node against final node',
        caption: `Base pages by the node on which the kernel had them (row) and the node on which they end here (column); the diagonal agrees${ends.includes(ABSENT) ? `, ${ABSENT} is not in memory` : ''}.`,
        description: 'Heat map matrices: base pages by recorded node and by node at the end of the replay, one matrix per policy',
        width: 'full',
        sampling: 'each cell tells half of its 95% interval of sampling in its tooltip.',
        data: { residency: pages },
        spec: nodeMatrices({
          data: 'residency',
          transform: [],
          lanes: lanesIn(pages),
          rows: { field: 'recorded', title: 'recorded on node', nodes: used },
          columns: { field: 'node', title: 'ends on node', nodes: ends },
          value: { field: 'pages', title: 'base pages', of: 'count' },
          shades: ['theme:heat-0', 'theme:heat-1', 'theme:heat-2', 'theme:heat-3', 'theme:heat-4'],
          tooltip: errorTooltip(run, ',.0f'),
        }),
      },
    ]
  },
})

const recording = ({ record: { residency } }: RunTables): string =>
  residency === undefined ? 'the recording' : `${basename(residency.file)} (${residency.snapshot})`

/** Nodes as words, so that those who are absent have one too. */
const placed = (run: RunTables): Row[] =>
  run.rows('residency').map(({ lane, recorded_node, node, pages, pages_ci95 }) => ({
    lane: lane!,
    recorded: String(recorded_node),
    node: node === null ? ABSENT : String(node),
    pages: pages!,
    ...(isSampled(run) ? { error: pages_ci95 ?? 0 } : {}),
  }))

interface Share {
  lane: string
  pages: number
  agreeing: number
  share: number
  /** In a sample: of the share, an upper limit. */
  error?: number
}

function shares(run: RunTables): Share[] {
  const rows = placed(run)
  return run.record.lanes.flatMap(({ label }) => {
    const mine = rows.filter(({ lane }) => lane === label)
    const sum = (some: Row[]): number => some.reduce((all, row) => all + (row['pages'] as number), 0)
    const [pages, agreeing] = [sum(mine), sum(mine.filter(({ recorded, node }) => recorded === node))]
    const error = run
      .rows('residency')
      .filter(({ lane, recorded_node, node }) => lane === label && recorded_node === node)
      .reduce((all, row) => all + ((row['share_ci95'] as number | null | undefined) ?? 0), 0)
    return pages === 0 ? [] : [{ lane: label, pages, agreeing, share: agreeing / pages, ...(isSampled(run) ? { error } : {}) }]
  })
}

function agreement(run: RunTables): ReportTable {
  const rows = placed(run)
  const elsewhere = (label: string): string =>
    rows
      .filter(({ lane, recorded, node }) => lane === label && recorded !== node)
      .sort((a, b) => (b['pages'] as number) - (a['pages'] as number))
      .map(({ recorded, node, pages }) => `${recorded}→${node} ${formatCount(pages as number)}`)
      .join(', ')
  return {
    title: 'Recorded residency against the end of the replay',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' },
      { heading: 'pages recorded', align: 'right' },
      { heading: 'on that node', align: 'right' },
      { heading: 'share', align: 'right' },
      { heading: 'elsewhere: recorded→here', align: 'left' },
    ],
    rows: shares(run).map(({ lane, pages, agreeing, share, error }) => [
      lane,
      formatCount(pages),
      formatCount(agreeing),
      withError(share, error, formatPercent),
      elsewhere(lane),
    ]),
    sampling: 'Counts are those of all pages that the kept ones stand for; the share tells their error, an upper limit.',
    notes:
      rows.length === 0
        ? ['No recorded residency is given to compare with: replay again with --residency FILE (numa_maps or a table phase,page,node).']
        : [`Recorded: ${recording(run)}. Of numa_maps, which count pages by mapping, pages agree as far as the counts of their mapping do.`],
  }
}
