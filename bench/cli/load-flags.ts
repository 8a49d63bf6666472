/** Flags that several commands share: which API a load is sent to, and over which connections. */
import { Option } from 'commander'

const ENDPOINTS = ['generate', 'chat', 'completions'] as const
const CONNECTION_MODES = ['keep-alive', 'per-request'] as const

/** Values of the flags, by commander's camel-case names. */
export interface LoadFlags {
  readonly endpoint: (typeof ENDPOINTS)[number]
  readonly connectionMode: (typeof CONNECTION_MODES)[number]
}

export function endpointOption(): Option {
  return new Option('--endpoint <name>', 'API that requests are sent to.')
    .choices(ENDPOINTS)
    .default('generate' satisfies LoadFlags['endpoint'])
}

export function connectionModeOption(byDefault: LoadFlags['connectionMode']): Option {
  return new Option('--connection-mode <mode>', 'Whether connections are reused.')
    .choices(CONNECTION_MODES)
    .default(byDefault)
}
