/** Files that other tools read: a line a request, sglang's line, vLLM's result file. */
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadResult } from '../load/result.ts'
import { requestLine } from '../report/request-line.ts'
import type { Level } from '../report/schema.ts'
import { type ServingLabels, servingLine } from '../report/serving-line.ts'
import { type VllmOptions, vllmFileName, vllmResult } from '../report/vllm-result.ts'
import type { OtherPlaces } from './report-files.ts'

export interface LineFiles {
  /** File to which a line a request is appended. */
  readonly requestLog?: string
  /** File to which sglang's line is appended. */
  readonly serving?: { readonly path: string | undefined; readonly labels: ServingLabels }
  /** vLLM's result file is written, in this folder. */
  readonly vllm?: {
    readonly folder: string
    /** Unset: vLLM's own name. */
    readonly fileName: string | undefined
    readonly options: VllmOptions
  }
}

/** Files whose names are known before the load, and folders of the others. */
export function linePlaces({ requestLog, serving, vllm }: LineFiles): OtherPlaces {
  const files = [requestLog, serving?.path].filter(path => path !== undefined)
  return { files, folders: vllm === undefined ? [] : [vllm.folder] }
}

export function writeLineFiles(files: LineFiles, level: Level, result: LoadResult): void {
  const { requestLog, serving, vllm } = files
  if (requestLog !== undefined) appendFileSync(requestLog, requestLines(level, result))
  if (serving?.path !== undefined) {
    appendFileSync(serving.path, `${JSON.stringify(servingLine(serving.labels, level))}\n`)
  }
  if (vllm !== undefined) {
    const name = vllm.fileName ?? vllmFileName(vllm.options, result.plan.model, result.startMs)
    const content = vllmResult(vllm.options, level, result, result.startMs)
    writeFileSync(join(vllm.folder, name), JSON.stringify(content))
  }
}

function requestLines({ name }: Level, { records, startMs }: LoadResult): string {
  return records.map(record => `${JSON.stringify(requestLine(name, startMs, record))}\n`).join('')
}
