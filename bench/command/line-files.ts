/** Files that other tools read: a line a request, sglang's line, vLLM's result file. */
import { appendFileSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadResult } from '../load/result.ts'
import { requestArrays } from '../report/request-arrays.ts'
import { requestLine } from '../report/request-line.ts'
import type { Level } from '../report/schema.ts'
import { type ServingLabels, servingLine } from '../report/serving-line.ts'
import { type VllmOptions, vllmFileName, vllmResult } from '../report/vllm-result.ts'
import type { OtherPlaces } from './report-files.ts'

const LINES_AT_ONCE = 10_000

export interface LineFiles {
  /** File to which a line a request is appended. */
  readonly requestLog?: string
  /** File to which sglang's line is appended. */
  readonly serving?: {
    readonly path: string | undefined
    readonly labels: ServingLabels
    /** An entry a request goes in as well. */
    readonly isDetailed: boolean
  }
  /** vLLM's result file is written, in this folder. */
  readonly vllm?: {
    readonly folder: string
    /** Unset: vLLM's own name. */
    readonly fileName: string | undefined
    /** What is in the file stays. */
    readonly isAppended: boolean
    readonly options: VllmOptions
  }
}

/** Whether a file needs more of each request than its times. */
export function needsDetails({ serving, vllm }: LineFiles): boolean {
  return (serving?.path !== undefined && serving.isDetailed) || vllm?.options.isDetailed === true
}

/** Files whose names are known before the load, and folders of the others. */
export function linePlaces({ requestLog, serving, vllm }: LineFiles): OtherPlaces {
  const named = vllm?.fileName === undefined ? undefined : join(vllm.folder, vllm.fileName)
  const files = [requestLog, serving?.path, named].filter(path => path !== undefined)
  return { files, folders: vllm === undefined ? [] : [vllm.folder] }
}

export function writeLineFiles(files: LineFiles, level: Level, result: LoadResult): void {
  const { requestLog, serving, vllm } = files
  if (requestLog !== undefined) appendRequestLines(requestLog, level, result)
  if (serving?.path !== undefined) {
    const details = serving.isDetailed ? requestArrays(result.records, 'token') : {}
    const line = { ...servingLine(serving.labels, level), ...details }
    appendFileSync(serving.path, `${JSON.stringify(line)}\n`)
  }
  if (vllm !== undefined) {
    const name = vllm.fileName ?? vllmFileName(vllm.options, result.plan.model, result.startMs)
    const content = vllmResult(vllm.options, level, result, result.startMs)
    writeOrAppend(join(vllm.folder, name), JSON.stringify(content), vllm.isAppended)
  }
}

/** As vLLM does it: results in one file are lines of it. */
function writeOrAppend(path: string, text: string, isAppended: boolean): void {
  const hasText = isAppended && existsSync(path) && statSync(path).size > 0
  if (isAppended) appendFileSync(path, hasText ? `\n${text}` : text)
  else writeFileSync(path, text)
}

/** In lumps: an hour of requests is more than one string can hold. */
function appendRequestLines(path: string, { name }: Level, { records, startMs }: LoadResult): void {
  for (let from = 0; from < records.length; from += LINES_AT_ONCE) {
    const lump = records.slice(from, from + LINES_AT_ONCE)
    appendFileSync(
      path,
      lump.map(record => `${JSON.stringify(requestLine(name, startMs, record))}\n`).join(''),
    )
  }
}
