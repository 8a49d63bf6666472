/**
 * Flags of `bench serving` for workloads with prefixes that engines can cache. A workload stands for a dataset, chat
 * requests and a number of requests, each with its usual figures.
 */
import { type Command, Option } from 'commander'
import type { BenchLevel } from '../command/plans.ts'
import { count, positive } from '../flags/values.ts'

const WORKLOADS = ['shared-prefix', 'zipf', 'conversations'] as const

export interface WorkloadOptions {
  readonly workload?: (typeof WORKLOADS)[number]
  readonly workloadGroups: number
  readonly workloadZipfExponent: number
  readonly workloadConversations: number
  readonly workloadTurns: number
  readonly workloadSystemPrompts: number
  readonly workloadSystemLen?: number
  readonly workloadUserLen?: number
  readonly workloadOutputLen: number
}

export function addWorkloadFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--workload <name>',
        'Chats with prefixes that engines can cache: groups with a system prompt each, chosen at random, evenly or by Zipf; or conversations.',
      )
        .choices(WORKLOADS)
        .conflicts(['datasetName', 'datasetPath'])
        .implies({ backend: 'sglang-oai-chat' }),
    )
    .option('--workload-groups <n>', 'Groups of shared-prefix and zipf.', count, 64)
    .option('--workload-zipf-exponent <n>', 'How much more often zipf has its first groups.', positive, 1.2)
    .option('--workload-conversations <n>', 'Conversations at the same time.', count, 80)
    .option('--workload-turns <n>', 'Turns of a conversation; each holds all before it.', count, 6)
    .option('--workload-system-prompts <n>', 'System prompts that the conversations share.', count, 8)
    .option('--workload-system-len <n>', 'Tokens of a system prompt: 2048; of conversations, 512.', count)
    .option('--workload-user-len <n>', 'Tokens that each request adds: 128; of conversations, 256.', count)
    .option('--workload-output-len <n>', 'Output tokens.', count, 32)
}

/** The dataset of the workload and the number of requests; undefined without a workload. */
export function workloadLoad(
  options: WorkloadOptions,
  numPrompts: number,
  command: Command,
): Pick<BenchLevel['load'], 'requests' | 'dataset'> | undefined {
  const { workload, workloadTurns: turns, workloadConversations: conversations } = options
  if (workload === undefined) return undefined
  const outputTokens = options.workloadOutputLen
  if (workload !== 'conversations') {
    const popularity = workload === 'zipf' ? 'zipf' : 'uniform'
    const dataset = {
      kind: 'shared-prefix',
      groups: options.workloadGroups,
      systemTokens: options.workloadSystemLen ?? 2048,
      questionTokens: options.workloadUserLen ?? 128,
      outputTokens,
      popularity,
      zipfExponent: options.workloadZipfExponent,
    } as const
    return { requests: numPrompts, dataset }
  }
  const dataset = {
    kind: 'conversations',
    conversations,
    turns,
    systems: options.workloadSystemPrompts,
    systemTokens: options.workloadSystemLen ?? 512,
    turnTokens: options.workloadUserLen ?? 256,
    outputTokens,
  } as const
  // All conversations, once.
  const isGiven = command.getOptionValueSource('numPrompts') !== 'default'
  return { requests: isGiven ? numPrompts : conversations * turns, dataset }
}
