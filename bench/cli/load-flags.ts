/** Flags that several commands share: who sends a load, to which API, and over which connections. */
import { type Command, Option } from 'commander'
import { count, whole } from '../flags/values.ts'

const ENDPOINTS = ['generate', 'chat', 'completions'] as const
const CONNECTION_MODES = ['keep-alive', 'per-request'] as const

/** Values of the flags, by commander's camel-case names. */
export interface LoadFlags {
  readonly endpoint: (typeof ENDPOINTS)[number]
  readonly connectionMode: (typeof CONNECTION_MODES)[number]
  readonly processes: number
  readonly scriptSeed?: number
}

export function addLoadFlags(command: Command): Command {
  return command
    .option('--script-seed <n>', 'Output seed of simulated engines; the default seed is detected.', whole)
    .option('--processes <n>', 'Processes that generate the load.', count, 1)
    .addOption(
      new Option('--endpoint <name>', 'API that requests are sent to.')
        .choices(ENDPOINTS)
        .default('generate' satisfies LoadFlags['endpoint']),
    )
    .addOption(connectionModeOption('keep-alive'))
}

export function connectionModeOption(byDefault: LoadFlags['connectionMode']): Option {
  return new Option('--connection-mode <mode>', 'Whether connections are reused.')
    .choices(CONNECTION_MODES)
    .default(byDefault)
}
