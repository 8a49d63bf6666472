/** How many requests the gateway may have in flight at once, from the descriptor limit of the process. */
import { readFileSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { neededRoles } from '../config/needed-roles.ts'
import type { Logger } from '../telemetry/log.ts'
import {
  type DescriptorBudget,
  minDescriptors,
  openFilesLimit,
  shareDescriptors,
} from './descriptor-budget.ts'

/**
 * The configuration as this process can keep it: threads counted, connections shared out.
 * @throws Error when there are too few descriptors to serve anything.
 */
export function withinLimits(
  config: Config,
  threads: number,
  log: Logger,
): { readonly config: Config; readonly budget: DescriptorBudget } {
  const limit = openFilesLimit(readLimits())
  const min = minDescriptors(threads, config.server.listenSockets)
  if (limit < min) throw tooFew(limit, min, threads)
  const budget = shareDescriptors({
    limit,
    threads,
    socketsPerRequest: neededRoles(config).length,
    queueSize: config.admission.queueSize,
    maxSockets: config.upstream.maxSockets,
  })
  logBudget(limit, budget, log)
  const server = { ...config.server, workers: threads }
  const upstream = { ...config.upstream, maxSockets: budget.upstreamSockets }
  return { config: { ...config, server, upstream }, budget }
}

/** Empty where there is no such file: the limit is then not known. */
export function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

/** Before any thread runs: what fails later for want of a descriptor says `EMFILE` at best. */
function tooFew(limit: number, min: number, threads: number): Error {
  return new Error(
    `the limit of open files is ${limit}, and ${min} are needed at least with --workers ${threads}: raise it (ulimit -n, LimitNOFILE)`,
  )
}

function logBudget(limit: number, budget: DescriptorBudget, log: Logger): void {
  const { upstreamSockets, liveRequests, clients, wanted } = budget
  const figures = { limit, upstreamSockets, liveRequests, clients }
  if (limit >= wanted) return log.debug(figures, 'file descriptors')
  log.warn(
    { ...figures, wanted },
    'few file descriptors: requests beyond liveRequests wait; raise the limit (ulimit -n, LimitNOFILE) to wanted',
  )
}
