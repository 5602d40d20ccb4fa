// Makes the charts of an HTML report live: one choice of policies and one time window, which all of them follow.
// Runs under a content security policy without eval: Vega's expressions are interpreted.
import { Error as ERROR, parse, textMetrics, View } from 'vega'
import { expressionInterpreter } from 'vega-interpreter'

const report = JSON.parse(document.getElementById('report-data').textContent)
const { lanes, unit, edges } = report
const last = edges.length - 1
// from and to are indexes of edges: a window holds whole bins
const chosen = { lanes: new Set(lanes), from: 0, to: last }
const views = []

// Columns are stored once each, texts by number; here they become rows again
const columns = report.columns.map(({ texts, values }) => (texts ? values.map((index) => texts[index]) : values))
const datasets = report.datasets.map(({ names, stored }) =>
  columns[stored[0]].map((_, i) => Object.fromEntries(names.map((name, k) => [name, columns[stored[k]][i]]))),
)

const hasTime = (rows) => rows.some((row) => row.time !== undefined || row.until !== undefined)
/** Rows that hold several steps of the window: it is cut to whole ones, and the chart says to which. */
const isCoarse = (rows) => rows.some(({ start, time }) => time != null && edges.some((edge) => edge > start && edge < time))
const coarse = datasets.map(isCoarse)

/** The window as a data set can show it: [from, to] in the unit. */
function windowOf(index) {
  const [from, to] = [edges[chosen.from], edges[chosen.to]]
  if (!coarse[index] || !isWindowed()) return [from, to]
  const steps = [...new Map(datasets[index].filter(({ time }) => time != null).map(({ start, time }) => [time, { start, time }])).values()]
  const middle = ({ start, time }) => (start + time) / 2
  let inside = steps.filter((step) => middle(step) > from && middle(step) < to)
  if (inside.length === 0) inside = steps.filter(({ start, time }) => start < (from + to) / 2 && time >= (from + to) / 2)
  if (inside.length === 0) return [from, to]
  return [Math.min(...inside.map(({ start }) => start)), Math.max(...inside.map(({ time }) => time))]
}

function visible(index) {
  const [from, to] = windowOf(index)
  return datasets[index].filter((row) => {
    if (row.lane !== undefined && !chosen.lanes.has(row.lane)) return false
    // A rectangle is shown as far as it reaches into the window; axes cut it
    if (row.until !== undefined) return row.until > from && row.start < to
    return row.time == null || (row.time > from && row.time <= to)
  })
}

// ---- charts

/** Small multiples need so many pixels each, axes included, to be read; an entry of a legend at most about so many. */
const LEAST_MULTIPLE = 240
const LEGEND_ENTRY = 180
/** Pictures that are wider than their place by no more are shown smaller. */
const NEARLY = 1.05

const legendColumns = (width) => Math.max(1, Math.floor(width / LEGEND_ENTRY))

/** Small multiples in fewer columns where the page is narrow, such as a phone's: Vega-Lite wrote their number into these signals. */
function narrowed(chart, width) {
  chart.vega.signals.push({ name: 'legendColumns', value: legendColumns(width) })
  for (const legend of chart.vega.legends ?? []) {
    if (legend.columns !== undefined) legend.columns = { signal: `min(${legend.columns}, legendColumns)` }
  }
  const fitting = Math.max(1, Math.floor(width / LEAST_MULTIPLE))
  if (chart.columns <= fitting || chart.vega.layout === undefined) return
  for (const { name, transform } of chart.vega.data) {
    const [sequence] = transform ?? []
    if (name === 'facet_domain_row') sequence.stop.signal = sequence.stop.signal.replace(`/ ${chart.columns})`, `/ ${fitting})`)
    if (name === 'facet_domain_column') sequence.stop.signal = sequence.stop.signal.replace(`, ${chart.columns})`, `, ${fitting})`)
  }
  chart.vega.layout.columns = fitting
  chart.columns = fitting
}

/** Of the width: names of rows that would take more stand above their rows. A row then has so many pixels, half of them for its name. */
const NAMES_SHARE = 0.4
const NAMED_ROW = 42

/** Long names of rows, such as those of traces, would leave the marks beside them no room. */
function namesAbove({ vega, data }, width) {
  const isRows = ({ type }) => type === 'band' || type === 'point'
  const scale = vega.scales?.find((one) => one.name === 'y' && isRows(one))
  const axis = vega.axes?.find((one) => one.scale === 'y' && one.orient === 'left' && one.labels !== false)
  if (scale === undefined || axis === undefined) return
  const fields = new Set((scale.domain.fields ?? [scale.domain]).map(({ field }) => field))
  const cells = Object.values(data).flatMap((index) => datasets[index].flatMap((row) => [...fields].map((field) => row[field])))
  const names = [...new Set(cells)].filter((name) => typeof name === 'string')
  const font = { font: vega.config.font, fontSize: axis.labelFontSize ?? vega.config.axis.labelFontSize }
  if (Math.max(0, ...names.map((name) => textMetrics.width(font, name))) <= NAMES_SHARE * width) return
  vega.height = Math.max(vega.height, NAMED_ROW * names.length)
  // what is left over stands above the first row, where its name goes
  delete scale.padding
  Object.assign(scale, scale.type === 'band' ? { paddingInner: 0.5, paddingOuter: 0.25, align: 1 } : { padding: 0.5, align: 0.75 })
  const above = { labelAlign: 'left', labelBaseline: 'bottom', labelOffset: { signal: "min(-7, -bandwidth('y') / 2 - 2)" } }
  Object.assign(axis, above, { labelPadding: -2, tickSize: 0, labelLimit: { signal: 'width' }, zindex: 1 })
}

async function mount(chart) {
  const element = document.getElementById(chart.id)
  narrowed(chart, element.clientWidth)
  namesAbove(chart, element.clientWidth)
  const view = new View(parse(chart.vega, null, { ast: true }), {
    expr: expressionInterpreter,
    renderer: 'svg',
    hover: true,
    logLevel: ERROR,
    tooltip: showTooltip,
    loader: { load: refuse, sanitize: refuse, http: refuse, file: refuse },
  })
  for (const [name, index] of Object.entries(chart.data)) view.data(name, visible(index))
  const stage = document.createElement('div')
  stage.className = 'stage'
  // The picture as a whole has a name; its hundreds of marks have none
  stage.ariaHidden = 'true'
  element.append(stage)
  view.initialize(stage)
  await view.runAsync()
  views.push({ chart, element, stage, view })
  await adjust(views.at(-1))
  element.querySelector('.still')?.remove()
  element.dataset.live = 'true'
}

const refuse = () => Promise.reject(new Error('reports load nothing'))

const hasSignal = (view, name) => {
  try {
    view.signal(name)
    return true
  } catch {
    return false
  }
}

/** Charts fill the width of their place; small multiples share what the axes leave. */
async function adjust({ element, stage, view, chart }, width = element.clientWidth) {
  if (width === 0) return
  view.signal('legendColumns', legendColumns(width))
  if (hasSignal(view, 'child_width')) {
    const columns = chart.columns ?? 1
    // a legend may be what is widest: then the pictures below it take some turns to fill the place
    for (let turn = 0; turn < 3; turn++) {
      // as drawn: a style sheet may show it smaller
      const left = width - Number(stage.firstElementChild.getAttribute('width'))
      const child = Math.max(90, view.signal('child_width') + Math.floor(left / columns))
      if (Math.abs(child - view.signal('child_width')) <= 2) break
      await view.signal('child_width', child).resize().runAsync()
    }
  } else if (view.width() !== width) {
    await view.width(width).resize().runAsync()
  }
  stage.classList.toggle('nearly', Number(stage.firstElementChild.getAttribute('width')) <= NEARLY * width)
}

async function update() {
  for (const { chart, element, view } of views) {
    for (const [name, index] of Object.entries(chart.data)) view.data(name, visible(index))
    // Small multiples come and go: the picture takes the size that is left
    await view.signal('windowFrom', edges[chosen.from]).signal('windowTo', edges[chosen.to]).resize().runAsync()
    showExtent(element.closest('figure'), Object.values(chart.data))
  }
  for (const row of document.querySelectorAll('[data-lane]')) row.toggleAttribute('hidden', !chosen.lanes.has(row.dataset.lane))
  document.documentElement.classList.toggle('windowed', isWindowed())
  document.documentElement.dataset.updates = String(Number(document.documentElement.dataset.updates ?? 0) + 1)
}

/** Beside the title: what is shown, where it is not just the window. */
function showExtent(figure, indexes) {
  const badge = figure.querySelector('.badge')
  const timed = indexes.filter((index) => hasTime(datasets[index]))
  figure.classList.toggle('whole-run', timed.length === 0)
  if (timed.length === 0) return
  const [from, to] = windowOf(timed[0])
  const isCut = from !== edges[chosen.from] || to !== edges[chosen.to]
  figure.classList.toggle('cut', isCut)
  if (isCut) badge.textContent = `shows ${number(from)} to ${number(to)} ${unit}`
}

// One update at a time; what changes meanwhile is drawn by the next
let running = false
let wanted = false
async function refresh() {
  wanted = true
  if (running) return
  running = true
  while (wanted) {
    wanted = false
    await update()
  }
  running = false
}

// ---- tooltip: text only, so that names cannot become markup

const tooltip = document.getElementById('tooltip')
function showTooltip(_, event, __, value) {
  if (value === null || value === undefined || value === '') {
    tooltip.hidden = true
    return
  }
  tooltip.replaceChildren()
  const entries = typeof value === 'object' ? Object.entries(value) : [['', String(value)]]
  for (const [name, text] of entries) {
    const term = document.createElement('dt')
    const detail = document.createElement('dd')
    term.textContent = name
    detail.textContent = String(text)
    tooltip.append(term, detail)
  }
  tooltip.hidden = false
  const { width, height } = tooltip.getBoundingClientRect()
  const left = event.clientX + 14 + width > innerWidth ? event.clientX - width - 14 : event.clientX + 14
  tooltip.style.left = `${Math.max(4, left)}px`
  tooltip.style.top = `${Math.max(4, Math.min(event.clientY + 12, innerHeight - height - 4))}px`
}

// ---- controls

const isWindowed = () => chosen.from > 0 || chosen.to < last
const chips = [...document.querySelectorAll('.chip')]
const fromInput = document.getElementById('window-from')
const toInput = document.getElementById('window-to')
const windowText = document.getElementById('window-text')
const brush = document.getElementById('brush')
const reset = document.getElementById('reset')
const number = (value) => String(Number(value.toPrecision(4)))

function showChoice() {
  for (const chip of chips) chip.setAttribute('aria-pressed', String(chosen.lanes.has(lanes[Number(chip.dataset.index)])))
  const all = chosen.lanes.size === lanes.length
  if (fromInput) {
    const share = (index) => (100 * edges[index]) / (edges[last] || 1)
    for (const [input, index] of [
      [fromInput, chosen.from],
      [toInput, chosen.to],
    ]) {
      input.value = index
      input.setAttribute('aria-valuetext', `${number(edges[index])} ${unit}`)
    }
    brush.style.left = `${share(chosen.from)}%`
    brush.style.width = `${share(chosen.to) - share(chosen.from)}%`
    windowText.textContent = isWindowed() ? `${number(edges[chosen.from])} to ${number(edges[chosen.to])} ${unit}` : `whole run, ${number(edges[last])} ${unit}`
  }
  reset.hidden = all && !isWindowed()
}

function choose(change) {
  Object.assign(chosen, change)
  showChoice()
  refresh()
}

for (const chip of chips) {
  const lane = lanes[Number(chip.dataset.index)]
  chip.addEventListener('click', (event) => {
    const next = new Set(chosen.lanes)
    if (event.altKey || event.shiftKey) {
      // alone; again: all
      const alone = next.size === 1 && next.has(lane)
      choose({ lanes: new Set(alone ? lanes : [lane]) })
      return
    }
    if (next.has(lane)) next.delete(lane)
    else next.add(lane)
    choose({ lanes: next.size === 0 ? new Set(lanes) : next })
  })
  chip.addEventListener('dblclick', () => choose({ lanes: new Set([lane]) }))
}
reset.addEventListener('click', () => choose({ lanes: new Set(lanes), from: 0, to: last }))

if (fromInput) {
  fromInput.addEventListener('input', () => choose({ from: Math.min(Number(fromInput.value), chosen.to - 1) }))
  toInput.addEventListener('input', () => choose({ to: Math.max(Number(toInput.value), chosen.from + 1) }))
  const strip = document.getElementById('navigator')
  const edgeAt = (event) => {
    const { left, width } = strip.getBoundingClientRect()
    const time = ((event.clientX - left) / width) * edges[last]
    return edges.reduce((nearest, edge, index) => (Math.abs(edge - time) < Math.abs(edges[nearest] - time) ? index : nearest), 0)
  }
  let origin = null
  strip.addEventListener('pointerdown', (event) => {
    origin = edgeAt(event)
    strip.setPointerCapture(event.pointerId)
  })
  strip.addEventListener('pointermove', (event) => {
    if (origin === null) return
    const here = edgeAt(event)
    if (here !== origin) choose({ from: Math.min(origin, here), to: Math.max(origin, here) })
  })
  strip.addEventListener('pointerup', (event) => {
    if (origin !== null && edgeAt(event) === origin) choose({ from: 0, to: last })
    origin = null
  })
}

// ---- light and dark, copying, saving, printing

const themeButton = document.getElementById('theme')
themeButton.addEventListener('click', () => {
  const isDark = getComputedStyle(document.documentElement).colorScheme === 'dark'
  document.documentElement.dataset.theme = isDark ? 'light' : 'dark'
})

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const source = document.getElementById(button.dataset.copy)
    try {
      await navigator.clipboard.writeText(source.textContent)
      button.textContent = 'copied'
    } catch {
      getSelection().selectAllChildren(source)
    }
  })
}

function save(name, type, text) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

const csvCell = (value) => (/[",\r\n]/.test(String(value ?? '')) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ''))

for (const button of document.querySelectorAll('[data-save]')) {
  button.addEventListener('click', () => {
    const { chart, stage } = views.find((shown) => shown.chart.id === button.closest('figure').querySelector('.mount').id)
    if (button.dataset.save === 'csv') {
      const [index] = Object.values(chart.data)
      const { names } = report.datasets[index]
      const lines = visible(index).map((row) => names.map((name) => csvCell(row[name])).join(','))
      save(`${chart.name}.csv`, 'text/csv', [names.join(','), ...lines, ''].join('\n'))
    } else {
      // A file has no style sheet: put the colours in that the page shows now
      const style = getComputedStyle(document.documentElement)
      const svg = stage.querySelector('svg').cloneNode(true)
      svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
      svg.style.background = style.getPropertyValue('--surface')
      save(
        `${chart.name}.svg`,
        'image/svg+xml',
        svg.outerHTML.replaceAll(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim()),
      )
    }
  })
}

/** Pixels of a chart on A4 between the margins of the style sheet, so that its letters keep their size; other paper stretches it. */
const PRINTED_FULL = 664
const PRINTED_HALF = 306
const closedForPrint = []
addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('details:not([open])')) {
    details.open = true
    closedForPrint.push(details)
  }
  for (const shown of views) adjust(shown, shown.element.closest('.full') ? PRINTED_FULL : PRINTED_HALF)
})
addEventListener('afterprint', () => {
  for (const details of closedForPrint.splice(0)) details.open = false
  for (const shown of views) adjust(shown)
})

let resizing
addEventListener('resize', () => {
  clearTimeout(resizing)
  resizing = setTimeout(() => Promise.all(views.map((shown) => adjust(shown))), 120)
})

/** The charts that work are shown even if one does not; its still picture stays. */
async function mountAll() {
  for (const chart of report.charts) await mount(chart).catch((error) => console.error(chart.name, error))
  document.documentElement.dataset.ready = 'true'
}

document.documentElement.classList.add('live')
showChoice()
mountAll()
