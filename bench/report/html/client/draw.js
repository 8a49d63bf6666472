/**
 * Draws the plots of a report in the browser: every element with `data-plot` gets the plot of that name, as specified in
 * `../plot-spec.ts`. The file is inlined into the page unchanged, after uPlot.
 */

/** @import { PlotSpec, Series } from '../plot-spec.ts' */

const HEIGHT = 240
/** Least distance of two specified ticks in pixels, so that their labels do not touch. */
const MIN_GAP = 46
/** With fewer values, points are drawn too, because a line alone may be hard to see. */
const FEW = 40

/** @type {Record<string, PlotSpec>} */
const specs = JSON.parse(document.getElementById('plots')?.textContent ?? '{}')
/** @type {Map<HTMLElement, uPlot>} */
const drawn = new Map()

/** @param {string} name of a colour in the page's style */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/** @param {number | null | undefined} value */
function figure(value) {
  if (value === null || value === undefined) return ''
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 10 ? 1 : 3
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

/**
 * @param {Series} series
 * @param {number} count of all values
 * @returns {uPlot.Series}
 */
function seriesOptions(series, count) {
  const { label, unit, colour: name, isFilled, isRight } = series
  const isLine = series.draw === 'line'
  const stroke = colour(name)
  /** @type {uPlot.Series} */
  const options = {
    label,
    scale: isRight ? 'right' : 'y',
    stroke,
    width: 2,
    spanGaps: isLine,
    value: (_, value) => (value === null ? '' : figure(value) + unit),
    points: { show: isLine && count < FEW, size: 6, fill: stroke },
  }
  if (isFilled) options.fill = `color-mix(in srgb, ${stroke} 22%, transparent)`
  const steps = isLine ? undefined : uPlot.paths.stepped?.({ align: 1 })
  if (steps) options.paths = steps
  return options
}

/**
 * @param {string} label
 * @returns {uPlot.Axis}
 */
function axisOptions(label) {
  const line = { stroke: colour('line'), width: 1 }
  return {
    label,
    stroke: colour('muted'),
    grid: line,
    ticks: { ...line, size: 5 },
    font: '12px system-ui',
    labelFont: '12px system-ui',
    labelSize: 22,
  }
}

/**
 * @param {PlotSpec} spec
 * @returns {uPlot.Axis}
 */
function xAxisOptions({ x }) {
  const { label, ticks } = x
  const axis = { ...axisOptions(label), size: 32 }
  if (ticks === undefined) return axis
  const labels = new Map(ticks.map(tick => [tick.position, tick.label]))
  return {
    ...axis,
    splits: (plot, _, low, high) => {
      const perPixel = (high - low) / Math.max(1, plot.bbox.width / devicePixelRatio)
      /** @type {number[]} */
      const kept = []
      for (const { position } of ticks) {
        const last = kept.at(-1)
        if (
          position >= low &&
          position <= high &&
          (last === undefined || position - last >= MIN_GAP * perPixel)
        )
          kept.push(position)
      }
      return kept
    },
    values: (_, splits) => splits.map(position => labels.get(position) ?? ''),
  }
}

/**
 * @param {PlotSpec} spec
 * @param {number} width
 * @returns {uPlot.Options}
 */
function plotOptions(spec, width) {
  /** @type {uPlot.Axis} */
  const left = { ...axisOptions(spec.y.label), size: 62, values: valuesOfTicks }
  const rightSeries = spec.series.find(({ isRight }) => isRight)
  // The axis has the colour of its series.
  /** @type {uPlot.Axis} */
  const right = {
    ...left,
    label: spec.right?.label ?? '',
    stroke: colour(rightSeries?.colour ?? 'muted'),
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum exists as a type alone
    side: 1,
    scale: 'right',
    grid: { show: false },
  }
  const { xNames } = spec
  return {
    width,
    height: HEIGHT,
    padding: [12, rightSeries ? 0 : 16, 0, 0],
    scales: {
      x: { time: false, range: (_, low, high) => (low === high ? [low - 0.5, high + 0.5] : [low, high]) },
      y: { range: spec.y.isTight ? aroundData : fromZero },
      right: { range: fromZero },
    },
    axes: [xAxisOptions(spec), left, ...(rightSeries ? [right] : [])],
    series: [
      {
        label: spec.x.label,
        value: (_, value, __, index) => (index === null ? '' : (xNames?.[index] ?? figure(value))),
      },
      ...spec.series.map(series => seriesOptions(series, spec.xs.length)),
    ],
    cursor: { points: { size: 8 }, drag: { x: true, y: false } },
  }
}

/**
 * @param {uPlot} _
 * @param {number[]} splits
 */
function valuesOfTicks(_, splits) {
  return splits.map(split => figure(split))
}

/**
 * Starts at 0, because otherwise small differences would look large.
 * @param {uPlot} _
 * @param {number} __
 * @param {number} high
 * @returns {uPlot.Range.MinMax}
 */
function fromZero(_, __, high) {
  return [0, high > 0 ? high * 1.08 : 1]
}

/**
 * @param {uPlot} _
 * @param {number} low
 * @param {number} high
 * @returns {uPlot.Range.MinMax}
 */
function aroundData(_, low, high) {
  const room = Math.max((high - low) * 0.15, Math.abs(high) * 0.02, 1e-6)
  return [Math.max(0, low - room), high + room]
}

/** @param {HTMLElement} element */
function draw(element) {
  const level = document.querySelector('select')?.value
  const spec = specs[(element.dataset['plot'] ?? '').replace('*', level ?? '0')]
  drawn.get(element)?.destroy()
  drawn.delete(element)
  const isEmpty = spec?.series.every(({ values }) => values.every(value => value === null)) ?? true
  element.classList.toggle('empty', isEmpty)
  if (spec === undefined || isEmpty) return
  const columns = spec.series.map(({ values }) => [...values])
  drawn.set(element, new uPlot(plotOptions(spec, element.clientWidth), [[...spec.xs], ...columns], element))
}

function drawAll() {
  for (const element of document.querySelectorAll('[data-plot]'))
    if (element instanceof HTMLElement) draw(element)
}

const resized = new ResizeObserver(entries => {
  for (const { target } of entries) {
    const plot = target instanceof HTMLElement ? drawn.get(target) : undefined
    if (plot !== undefined && plot.width !== target.clientWidth)
      plot.setSize({ width: target.clientWidth, height: HEIGHT })
  }
})

drawAll()
for (const element of document.querySelectorAll('[data-plot]')) resized.observe(element)
document.querySelector('select')?.addEventListener('change', drawAll)
// A canvas keeps the colours that it was drawn with.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll)
