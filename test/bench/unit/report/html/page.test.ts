/** The HTML reports without a browser: escaping, content security policy, and contrast. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { comparePage } from '../../../../../bench/report/html/compare-page.ts'
import { html } from '../../../../../bench/report/html/markup.ts'
import { runPage } from '../../../../../bench/report/html/run-page.ts'
import { histogramPlot, percentilePlot } from '../../../../../bench/report/html/shape-plots.ts'
import { levelOf } from '../../../../../bench/report/level.ts'
import type { Level, Report } from '../../../../../bench/report/schema.ts'
import { compareReportOf } from '../../../support/compare-report.ts'
import { recordOf, resultOf } from '../../../support/load-result.ts'

const EVIL = `</script><script>alert(1)</script><img src=x onerror="alert('2')">`
const STYLE = new URL('../../../../../bench/report/html/style.css', import.meta.url)
/** Contrast ratio that WCAG 2.2 requires for text of normal size. */
const MIN_CONTRAST = 4.5

function reportOf(...levels: Level[]): Report {
  return {
    version: 4,
    command: 'basic',
    target: 'http://127.0.0.1:1',
    startedAt: '2026-01-02T03:04:05.678Z',
    environment: { program: 'pd-gateway 1', node: 'v24', system: 'linux', processors: '2' },
    minPercent: null,
    levels,
    expectations: [],
  }
}

/** Removes the scripts, but keeps the data of the plots. */
function withoutScripts(page: string): string {
  return page.replaceAll(/<script>[\s\S]*?<\/script>/g, '')
}

test('text from outside is escaped wherever it appears on the page', () => {
  const failure = { kind: 'status', detail: EVIL } as const
  const level = levelOf(EVIL, resultOf([recordOf({ outcome: 'failed', failure, status: 500 }), recordOf()]))
  const page = runPage({ ...reportOf(level, level), target: `http://x/${EVIL}`, command: EVIL })
  const targets = ['a', 'b'].map(name => ({ name: name + EVIL, url: EVIL }))
  for (const text of [page, comparePage(compareReportOf({ targets }))]) {
    assert.ok(!text.includes('<script>alert'))
    assert.ok(!text.includes('<img'))
    assert.ok(text.includes('&#60;img src=x onerror='))
    assert.equal(text.match(/<script/g)?.length, 3)
  }
})

test('a page allows its own two scripts and no requests', () => {
  const page = runPage(reportOf(levelOf('x', resultOf([recordOf()]))))
  assert.match(page, /default-src &#39;none&#39;; .*script-src &#39;sha256-\S+&#39; &#39;sha256-\S+&#39;"/)
  assert.doesNotMatch(withoutScripts(page), /<link|<img|<iframe|@import|url\(/)
})

test('the page of a run without requests says so and lists no times', () => {
  const nothing = { ...resultOf([], { requests: 1 }), itlMs: new Float32Array() }
  const page = runPage(reportOf(levelOf('x', nothing)))
  assert.match(page, /No request was sent/)
  assert.doesNotMatch(page, /<h2>Times/)
  assert.doesNotMatch(withoutScripts(page), /NaN|Infinity|undefined/)
})

test('the page of a run whose clients all left has an undecided success tile and empty plots', () => {
  const arrivals = { kind: 'open', ratePerSecond: Infinity } as const
  const level = levelOf('x', resultOf([recordOf({ outcome: 'left' })], { arrivals }))
  const page = withoutScripts(runPage(reportOf(level)))
  assert.match(
    page,
    /<dt>Correct responses<\/dt><dd class="">-<small>0 correct, 0 failed, 1 left by their clients/,
  )
  assert.match(page, /open, rate per second inf, burstiness 1/)
  assert.match(page, /<dd>1 request<\/dd>/)
  const options = { title: 'Latency', colour: 'first', counted: 'requests' } as const
  assert.deepEqual(histogramPlot(level.shapes.latency, options).series[0]?.values, [])
})

test('markup is inserted as it is, everything else is escaped', () => {
  const inner = html`<b>${'<i>'}</b>`
  assert.equal(
    html`<p title="${'"'}">${inner}${[inner]}${1}</p>`.text,
    '<p title="&#34;"><b>&#60;i&#62;</b><b>&#60;i&#62;</b>1</p>',
  )
})

test('the percentile curve omits percentiles with too few samples', () => {
  const records = Array.from({ length: 100 }, (_, index) => recordOf({ sentMs: 0, endMs: index + 1 }))
  const { xs, xNames = [], series } = percentilePlot(levelOf('x', resultOf(records)))
  const latency = series.find(({ label }) => label === 'latency')?.values ?? []
  const named = new Set(xNames.filter((_, index) => latency[index] !== null))
  assert.ok(named.has('p98.5') && !named.has('p99.9'))
  assert.equal(
    latency.findLast(value => value !== null),
    100,
  )
  assert.deepEqual(
    xs,
    xs.toSorted((a, b) => a - b),
  )
})

for (const scheme of ['light', 'dark'] as const) {
  test(`every colour has enough contrast with its background in the ${scheme} scheme`, () => {
    const colours = coloursOf(scheme)
    for (const name of ['ink', 'muted', 'first', 'second', 'third', 'fourth', 'good', 'bad', 'open']) {
      const ratio = contrastOf(colours.get(name) ?? '', colours.get('card') ?? '')
      assert.ok(ratio >= MIN_CONTRAST, `--${name}: ${ratio.toFixed(2)}`)
    }
  })
}

/** The colours of the two blocks of variables in the style sheet: light, then dark. */
function coloursOf(scheme: 'light' | 'dark'): ReadonlyMap<string, string> {
  const blocks = readFileSync(STYLE, 'utf8').match(/:root \{[^}]*\}/g) ?? []
  const block = blocks[scheme === 'light' ? 0 : 1] ?? ''
  return new Map(
    [...block.matchAll(/--(\w+): (#[0-9a-f]{6})/g)].map(([, name = '', colour = '']) => [name, colour]),
  )
}

function contrastOf(one: string, other: string): number {
  const [light = 0, dark = 0] = [one, other].map(luminanceOf).toSorted((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

function luminanceOf(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map(index => {
    const part = Number.parseInt(colour.slice(index, index + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
