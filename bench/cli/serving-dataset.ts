/** Flags of `bench serving` for the dataset, named as in SGLang's `bench_serving`. */
import { type Command, Option } from 'commander'
import type { BenchLevel } from '../command/plans.ts'
import { count, positive, share } from '../flags/values.ts'

/** `random-ids` is an alias of `random`: prompts are always made of words. */
const DATASETS = [
  'random',
  'random-ids',
  'generated-shared-prefix',
  'multi-turn',
  'custom',
  'mooncake',
] as const

export interface DatasetOptions {
  readonly datasetName: (typeof DATASETS)[number]
  readonly datasetPath?: string
  readonly numPrompts: number
  readonly randomInputLen: number
  readonly randomOutputLen: number
  readonly randomRangeRatio: number
  readonly gspNumGroups: number
  readonly gspPromptsPerGroup?: number
  readonly gspSystemPromptLen: number
  readonly gspQuestionLen: number
  readonly gspOutputLen: number
  readonly useTraceTimestamps?: boolean
  readonly mooncakeSlowdownFactor: number
}

export function addDatasetFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--dataset-name <name>', 'Prompts to send; random-ids is the same as random.')
        .choices(DATASETS)
        .default('random'),
    )
    .option('--dataset-path <file>', 'File of the custom (JSON lines) or mooncake dataset.')
    .option('--num-prompts <n>', 'Number of requests.', count, 1000)
    .option('--random-input-len <n>', 'Prompt tokens; of multi-turn, tokens of each message.', count, 1024)
    .option('--random-output-len <n>', 'Output tokens; of custom, for lines that specify none.', count, 1024)
    .option('--random-range-ratio <share>', 'Minimum length, as a share of the length.', share, 0)
    .option('--gsp-num-groups <n>', 'Groups of prompts that share a system prompt.', count, 64)
    .option('--gsp-prompts-per-group <n>', 'Requests per group; overrides --num-prompts.', count)
    .option('--gsp-system-prompt-len <n>', 'Tokens of the system prompt.', count, 2048)
    .option('--gsp-question-len <n>', 'Tokens of a question.', count, 128)
    .option('--gsp-output-len <n>', 'Output tokens.', count, 256)
    .option('--use-trace-timestamps', 'Send requests at the times of the mooncake trace.')
    .option(
      '--mooncake-slowdown-factor <n>',
      'Factor by which the times of the trace are stretched.',
      positive,
      1,
    )
}

/** The number of requests, and their dataset. */
export function datasetLoad(options: DatasetOptions): Pick<BenchLevel['load'], 'requests' | 'dataset'> {
  return { requests: requestsOf(options), dataset: datasetOf(options) }
}

/** Rejects conflicting and missing flags. */
export function checkDataset(
  { datasetName, datasetPath, useTraceTimestamps }: DatasetOptions,
  command: Command,
): void {
  if ((datasetName === 'custom' || datasetName === 'mooncake') && datasetPath === undefined)
    command.error(`error: --dataset-name ${datasetName} requires --dataset-path`)
  if (useTraceTimestamps === true && datasetName !== 'mooncake')
    command.error('error: --use-trace-timestamps requires --dataset-name mooncake')
}

export function isTraceTimed({ datasetName, useTraceTimestamps }: DatasetOptions): boolean {
  return datasetName === 'mooncake' && useTraceTimestamps === true
}

function requestsOf(options: DatasetOptions): number {
  const { datasetName, gspNumGroups, gspPromptsPerGroup, numPrompts } = options
  return datasetName === 'generated-shared-prefix' && gspPromptsPerGroup !== undefined
    ? gspNumGroups * gspPromptsPerGroup
    : numPrompts
}

function datasetOf(options: DatasetOptions): BenchLevel['load']['dataset'] {
  const { datasetName, datasetPath = '', randomInputLen, randomOutputLen: outputTokens } = options
  switch (datasetName) {
    case 'random':
    case 'random-ids':
      return {
        kind: 'random',
        inputTokens: randomInputLen,
        outputTokens,
        rangeRatio: options.randomRangeRatio,
      }
    case 'generated-shared-prefix':
      return {
        kind: 'shared-prefix',
        groups: options.gspNumGroups,
        systemTokens: options.gspSystemPromptLen,
        questionTokens: options.gspQuestionLen,
        outputTokens: options.gspOutputLen,
      }
    case 'multi-turn':
      return { kind: 'multi-turn', turnTokens: randomInputLen, outputTokens }
    case 'custom':
      return { kind: 'jsonl', path: datasetPath, outputTokens }
    case 'mooncake': {
      const slowdown = options.mooncakeSlowdownFactor
      return { kind: 'mooncake', path: datasetPath, useTimestamps: isTraceTimed(options), slowdown }
    }
  }
}
