/** What the bench tools of other projects have in common: a load, a command line, and a result file. */
import type { LimitedRun } from '../programs/run-limited.ts'
import type { Tokenizer } from './tokenizer.ts'

export interface ToolLoad {
  /** Origin of the gateway. */
  readonly url: string
  readonly tokenizer: Tokenizer
  readonly requests: number
  readonly ratePerSecond: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** Empty folder for the files of the tool. */
  readonly folder: string
}

/** What the tool itself reports. Times are medians in milliseconds. */
export interface ToolResult {
  readonly succeeded: number
  readonly failed: number
  readonly outputTokens: number
  readonly ttftMs: number
  readonly tpotMs: number
}

export interface BenchTool {
  /** Name of the program and, where it has several, of the API that it calls. */
  readonly name: string
  readonly command: (load: ToolLoad) => Pick<LimitedRun, 'program' | 'args' | 'env'>
  /** Reads the tool's result file. @throws Error if it is missing or not as expected. */
  readonly result: (load: ToolLoad) => ToolResult
}
