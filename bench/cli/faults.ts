/** `pd-gateway bench faults`: a fault script under load, with simulated engines and a gateway of its own. */
import type { Command } from 'commander'
import type { FaultsRun } from '../command/run-faults.ts'
import { addReportFlags, reportPlaces } from './report-flags.ts'
import { count } from '../flags/values.ts'

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
    .description('Simulated engines that replay a fault script, a gateway before them, a load.')
    .option('--script <name>', 'Name or path of the script.', 'brownout')
    .option('-r, --requests <n>', 'Requests in all.', count, 5000)
    .option('-c, --concurrency <n>', 'Requests at a time.', count, 100)
    .option('-s, --stream', 'Streamed answers: what has begun when an engine dies cannot be saved.')
    .option('--gateway-flags <flags>', 'For the gateway, as one text.')
  return addReportFlags(command)
}

/** What the flags mean. */
export function faultsRun(
  options: FaultsOptions,
  command: Command,
): Omit<FaultsRun, 'out' | 'err' | 'terminal' | 'signal'> {
  const { script, requests, concurrency, stream = false, gatewayFlags = '' } = options
  const flags = gatewayFlags.split(' ').filter(flag => flag !== '')
  const load = { script, requests, concurrency, isStream: stream, gatewayFlags: flags }
  return { ...load, ...reportPlaces(command) }
}
