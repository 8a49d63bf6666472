/** Writes the report of a run to the requested files. Checks before the load that they can be written. */
import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorCode } from '../../src/core/text/error-text.ts'
import { makeFolder } from './folder.ts'

export interface ReportPaths {
  /** Folder for the report as JSON and HTML. */
  readonly reportDir?: string
  /** File for the HTML report. */
  readonly htmlReport?: string
}

/** The content of the files: `report` as JSON, and the HTML page returned by `page`. */
export interface Written {
  readonly command: string
  readonly startedAt: string
  readonly report: unknown
  readonly page: () => string
}

/** Paths of other files that are written. */
export interface OtherPaths {
  readonly files: readonly string[]
  readonly folders: readonly string[]
}

/** Creates the folders. @throws Error when a file cannot be written. */
export function prepareFiles({ reportDir, htmlReport }: ReportPaths, others?: OtherPaths): void {
  const folders = [reportDir, ...(others?.folders ?? [])].filter(folder => folder !== undefined)
  const files = [htmlReport, ...(others?.files ?? [])].filter(file => file !== undefined)
  for (const folder of folders) prepareFolder(folder)
  for (const file of files) prepareFile(file)
}

/** @returns the paths of the files. */
export function writeFiles({ reportDir, htmlReport }: ReportPaths, written: Written): string[] {
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
  if (statSync(path).isDirectory()) throw new Error(`Cannot write ${path}: it is a folder; name a file`)
  checkWritable(path)
}

function prepareFolder(folder: string): void {
  makeFolder(folder)
  checkWritable(folder)
}

function checkWritable(path: string): void {
  try {
    accessSync(path, constants.W_OK)
  } catch (cause) {
    throw new Error(`Cannot write to ${path}: ${errorCode(cause)}`, { cause })
  }
}
