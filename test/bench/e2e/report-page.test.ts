/** The HTML reports in a real browser, in both colour schemes: plots are drawn, no request is made, no error is logged. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'puppeteer-core'
import { type BenchRun, runBench } from '../../../bench/command/run-bench.ts'
import { comparePage } from '../../../bench/report/html/compare-page.ts'
import type { Knobs } from '../../../src/simulator/settings/knobs.ts'
import { openBrowser, skipWithoutBrowser } from '../../support/browser.ts'
import { openFleet } from '../../support/gateway.ts'
import { compareReportOf } from '../support/compare-report.ts'

const DATASET = { kind: 'prompts', prompts: ['Hello'], minTokens: 3, maxTokens: 6 } as const
const LOAD = { requests: 60, endpoint: 'chat', isStream: true, dataset: DATASET } as const
const SCHEMES = ['light', 'dark'] as const
const WIDTHS = [1280, 400]
/** A single curve has more coloured pixels; grid, ticks and their labels are grey. */
const MIN_COLOURED_PIXELS = 100
const NAME = '<b>& "level"</b>'

/** Pixels of each plot that are neither empty nor grey. */
const COLOURED_PIXELS = `[...document.querySelectorAll('[data-plot]')].map(element => {
  const canvas = element.querySelector('canvas')
  if (canvas === null) return 0
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let coloured = 0
  for (let at = 0; at < data.length; at += 4) {
    const rgb = [data[at], data[at + 1], data[at + 2]]
    if (data[at + 3] > 40 && Math.max(...rgb) - Math.min(...rgb) > 40) coloured++
  }
  return coloured
})`

let opened: Promise<Browser> | undefined
after(async () => (await opened)?.close())

/** One browser for all tests, and none if they are skipped. */
function sharedBrowser(): Promise<Browser> {
  opened ??= openBrowser()
  return opened
}

/** URL of a mixed engine: a report does not depend on what serves it. */
async function openEngine(t: TestContext, knobs: Partial<Knobs> = {}): Promise<string> {
  const fleet = await openFleet(t, { mixed: 1, knobs })
  return fleet.mixed[0]?.url ?? ''
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-page-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

/** Runs a bench. @returns the path of its page. */
async function pageOf(t: TestContext, run: Pick<BenchRun, 'command' | 'url' | 'levels'>): Promise<string> {
  const htmlReport = join(folderOf(t), 'report.html')
  const sinks = { out: () => undefined, err: () => undefined, terminal: undefined }
  await runBench({ ...run, ...sinks, htmlReport, signal: new AbortController().signal })
  return htmlReport
}

interface Inspected {
  readonly messages: readonly string[]
  readonly requests: readonly string[]
  readonly plots: readonly number[]
  readonly isTooWide: boolean
  readonly screenshotBytes: number
  readonly background: string
}

async function inspect(
  browser: Browser,
  path: string,
  scheme: (typeof SCHEMES)[number],
  width: number,
): Promise<Inspected> {
  const page = await browser.newPage()
  const messages: string[] = []
  const requests: string[] = []
  page.on('console', message => messages.push(message.text()))
  page.on('pageerror', error => messages.push(String(error)))
  page.on('request', request => requests.push(request.url()))
  await page.setViewport({ width, height: 900 })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
  await page.goto(pathToFileURL(path).href)
  const inspected = {
    messages,
    requests,
    plots: await plotsOf(page),
    isTooWide: Boolean(await page.evaluate('document.documentElement.scrollWidth > innerWidth')),
    screenshotBytes: (await page.screenshot({ fullPage: true })).length,
    background: String(await page.evaluate('getComputedStyle(document.body).backgroundColor')),
  }
  await page.close()
  return inspected
}

async function plotsOf(page: Page): Promise<number[]> {
  const counts: unknown = await page.evaluate(COLOURED_PIXELS)
  return Array.isArray(counts) ? counts.map(Number) : []
}

/** Opens the page in both colour schemes, wide and narrow. */
async function assertDrawn(browser: Browser, path: string, plots: number): Promise<void> {
  const backgrounds = new Set<string>()
  for (const scheme of SCHEMES) {
    for (const width of WIDTHS) {
      const inspected = await inspect(browser, path, scheme, width)
      const where = `${scheme}, ${width} wide`
      assert.deepEqual(inspected.messages, [], where)
      assert.deepEqual(inspected.requests, [pathToFileURL(path).href], where)
      assert.equal(inspected.plots.length, plots, where)
      for (const [index, coloured] of inspected.plots.entries())
        assert.ok(coloured > MIN_COLOURED_PIXELS, `${where}: plot ${index} has ${coloured} coloured pixels`)
      assert.equal(inspected.isTooWide, false, where)
      assert.ok(inspected.screenshotBytes > 10_000, where)
      backgrounds.add(inspected.background)
    }
  }
  assert.equal(backgrounds.size, SCHEMES.length)
}

test('the page of a basic run draws all its plots', { skip: skipWithoutBrowser }, async t => {
  const url = await openEngine(t)
  const arrivals = { kind: 'closed', concurrency: 10 } as const
  const path = await pageOf(t, {
    command: 'basic',
    url,
    levels: [{ name: NAME, load: { ...LOAD, arrivals } }],
  })
  await assertDrawn(await sharedBrowser(), path, 7)
})

test('the page of a progressive run draws the selected level', {
  skip: skipWithoutBrowser,
}, async t => {
  const url = await openEngine(t)
  const levels = [5, 10].map(concurrency => ({
    name: `${NAME} ${concurrency}`,
    load: { ...LOAD, arrivals: { kind: 'closed', concurrency } as const },
  }))
  const path = await pageOf(t, { command: 'progressive', url, levels })
  const browser = await sharedBrowser()
  await assertDrawn(browser, path, 9)
  const page = await browser.newPage()
  await page.goto(pathToFileURL(path).href)
  const titles = await page.evaluate(`[...document.querySelectorAll('option')].map(({ text }) => text)`)
  assert.deepEqual(titles, [`${NAME} 5`, `${NAME} 10`])
  for (const level of ['0', '1']) {
    await page.select('select', level)
    for (const coloured of await plotsOf(page)) assert.ok(coloured > MIN_COLOURED_PIXELS, level)
  }
})

test('the page of a comparison draws every metric', { skip: skipWithoutBrowser }, async t => {
  const path = join(folderOf(t), 'compare.html')
  writeFileSync(path, comparePage(compareReportOf()))
  await assertDrawn(await sharedBrowser(), path, 8)
})

test('the page of a run without a correct response says so and logs no error', {
  skip: skipWithoutBrowser,
}, async t => {
  const url = await openEngine(t, { scriptSeed: 5 })
  const arrivals = { kind: 'closed', concurrency: 10 } as const
  const path = await pageOf(t, {
    command: 'basic',
    url,
    levels: [{ name: 'wrong', load: { ...LOAD, arrivals } }],
  })
  const browser = await sharedBrowser()
  const inspected = await inspect(browser, path, 'light', 1280)
  assert.deepEqual(inspected.messages, [])
  const page = await browser.newPage()
  await page.goto(pathToFileURL(path).href)
  const text = String(await page.evaluate('document.body.innerText'))
  assert.match(text, /None of 60 requests was answered correctly \(altered\)/)
  assert.match(text, /Failures/)
})
