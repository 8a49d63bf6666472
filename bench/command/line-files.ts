/** Result files for other tools: one line per request, SGLang's result line, vLLM's result file. */
import { appendFileSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadResult } from '../load/records/result.ts'
import { requestArrays } from '../report/other-tools/request-arrays.ts'
import { requestLine } from '../report/other-tools/request-line.ts'
import { type ServingLabels, servingLine } from '../report/other-tools/serving-line.ts'
import { type VllmOptions, vllmFileName, vllmResult } from '../report/other-tools/vllm-result.ts'
import type { Level } from '../report/schema.ts'
import type { OtherPaths } from './report-files.ts'

const LINES_PER_WRITE = 10_000

export interface LineFiles {
  /** File to which a line per request is appended. */
  readonly requestLog?: string
  /** Result line of SGLang's `bench_serving`, which is appended to a file. */
  readonly serving?: {
    readonly path: string | undefined
    readonly labels: ServingLabels
    /** Adds an entry per request. */
    readonly isDetailed: boolean
  }
  /** Result file of vLLM's `bench serve`. */
  readonly vllm?: {
    readonly folder: string
    /** Undefined: the name that vLLM would choose. */
    readonly fileName: string | undefined
    /** Appends to the file instead of replacing it. */
    readonly isAppended: boolean
    readonly options: VllmOptions
  }
}

/** Whether a file needs the text and token times of each request. */
export function needsDetails({ serving, vllm }: LineFiles): boolean {
  return (serving?.path !== undefined && serving.isDetailed) || vllm?.options.isDetailed === true
}

/** Files whose names are known before the load, and the folders of the others. */
export function linePaths({ requestLog, serving, vllm }: LineFiles): OtherPaths {
  const named = vllm?.fileName === undefined ? undefined : join(vllm.folder, vllm.fileName)
  const files = [requestLog, serving?.path, named].filter(path => path !== undefined)
  return { files, folders: vllm === undefined ? [] : [vllm.folder] }
}

export interface MeasuredLevel {
  readonly level: Level
  readonly result: LoadResult
  /** What the target says at `/server_info`; null if it says nothing. */
  readonly serverInfo: unknown
}

export function writeLineFiles(files: LineFiles, { level, result, serverInfo }: MeasuredLevel): void {
  const { requestLog, serving, vllm } = files
  if (requestLog !== undefined) appendRequestLines(requestLog, level, result)
  if (serving?.path !== undefined) {
    const details = serving.isDetailed ? requestArrays(result.records, 'token') : {}
    const line = { ...servingLine(serving.labels, level, serverInfo), ...details }
    appendFileSync(serving.path, `${JSON.stringify(line)}\n`)
  }
  if (vllm !== undefined) {
    const name = vllm.fileName ?? vllmFileName(vllm.options, result.plan.model, result.startMs)
    const content = vllmResult(vllm.options, level, result, result.startMs)
    writeOrAppend(join(vllm.folder, name), JSON.stringify(content), vllm.isAppended)
  }
}

/** As in vLLM, appended results are lines of the file. */
function writeOrAppend(path: string, text: string, isAppended: boolean): void {
  const hasText = isAppended && existsSync(path) && statSync(path).size > 0
  if (isAppended) appendFileSync(path, hasText ? `\n${text}` : text)
  else writeFileSync(path, text)
}

/** In parts, because the lines of an hour may exceed the maximum length of a string. */
function appendRequestLines(path: string, { name }: Level, { records, startMs }: LoadResult): void {
  for (let from = 0; from < records.length; from += LINES_PER_WRITE) {
    const part = records.slice(from, from + LINES_PER_WRITE)
    appendFileSync(
      path,
      part.map(record => `${JSON.stringify(requestLine(name, startMs, record))}\n`).join(''),
    )
  }
}
