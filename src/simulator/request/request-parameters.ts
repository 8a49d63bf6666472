/** What a generation request asks for, whatever its endpoint. */
import type { LogprobParameters, Prompt } from '../sequence/sequence.ts'
import type { StructuredOutput } from './structured-output.ts'

export interface RequestParameters {
  readonly prompts: readonly Prompt[]
  readonly isBatch: boolean
  readonly n: number
  maxTokens(item: number): number
  ignoreEos(item: number): boolean
  output(item: number): StructuredOutput
  stop(item: number): readonly string[]
  logprobs(item: number): LogprobParameters | undefined
}
