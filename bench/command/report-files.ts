/** Writes the report of a run where it was asked for. Whether it can is looked at before the load, not after it. */
import { accessSync, constants, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface ReportPlaces {
  /** Folder for the report as JSON and HTML. */
  readonly reportDir?: string
  /** File for the HTML report. */
  readonly htmlReport?: string
}

/** What is written: the JSON is made of `report`, the page by `page`. */
export interface Written {
  readonly command: string
  readonly startedAt: string
  readonly report: unknown
  readonly page: () => string
}

/** Makes the folders. `others`: files besides. @throws Error when something could not be written there. */
export function prepareFiles({ reportDir, htmlReport }: ReportPlaces, others: readonly string[] = []): void {
  if (reportDir !== undefined) prepareFolder(reportDir)
  const files = htmlReport === undefined ? others : [htmlReport, ...others]
  for (const file of files) prepareFile(file)
}

/** @returns the paths of what was written. */
export function writeFiles({ reportDir, htmlReport }: ReportPlaces, written: Written): string[] {
  const { command, startedAt, report, page } = written
  const stem =
    reportDir === undefined ? undefined : join(reportDir, `${command}-${startedAt.replaceAll(/[:.]/g, '-')}`)
  const htmlPaths = [...(stem === undefined ? [] : [`${stem}.html`]), ...(htmlReport ? [htmlReport] : [])]
  if (stem !== undefined) writeFileSync(`${stem}.json`, `${JSON.stringify(report, undefined, 2)}\n`)
  const html = htmlPaths.length === 0 ? '' : page()
  for (const path of htmlPaths) writeFileSync(path, html)
  return [...(stem === undefined ? [] : [`${stem}.json`]), ...htmlPaths]
}

function prepareFile(path: string): void {
  prepareFolder(dirname(path))
  if (!existsSync(path)) return
  if (statSync(path).isDirectory()) throw new Error(`${path} is a folder`)
  accessSync(path, constants.W_OK)
}

function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true })
  accessSync(folder, constants.W_OK)
}
