/** Flags of `pd-gateway bench faults`. */
import type { Command } from 'commander'
import type { FaultsRun } from '../command/run-faults.ts'
import type { BenchTerminal } from '../command/terminal.ts'
import { count } from '../flags/values.ts'
import { addReportFlags, reportPaths } from './report-flags.ts'

export interface FaultsOptions {
  readonly script: string
  readonly requests: number
  readonly concurrency: number
  readonly stream?: boolean
  readonly gatewayFlags?: string
}

export function addFaultsCommand(bench: Command): Command {
  const command = bench
    .command('faults')
    .description(
      'Load a gateway whose simulated engines replay a fault script, and check that requests survive.',
    )
    .option('--script <name>', 'Name or path of the fault script.', 'brownout')
    .option('-r, --requests <n>', 'Number of requests.', count, 5000)
    .option('-c, --concurrency <n>', 'Concurrent requests.', count, 100)
    .option(
      '-s, --stream',
      'Stream responses; a stream that has started cannot survive the death of its engine.',
    )
    .option('--gateway-flags <flags>', 'Flags of the gateway, as one argument.')
  return addReportFlags(command)
}

/** The run that the flags request. */
export function faultsRun(options: FaultsOptions, command: Command): Omit<FaultsRun, keyof BenchTerminal> {
  const { script, requests, concurrency, stream = false, gatewayFlags = '' } = options
  const flags = gatewayFlags.split(' ').filter(flag => flag !== '')
  const load = { script, requests, concurrency, isStream: stream, gatewayFlags: flags }
  return { ...load, ...reportPaths(command) }
}
