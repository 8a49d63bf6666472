/** Fits the configuration to the file descriptor limit of the process. */
import { readFileSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { neededRoles } from '../config/engines.ts'
import type { Logger } from '../telemetry/log.ts'
import {
  type DescriptorBudget,
  minDescriptors,
  openFilesLimit,
  shareDescriptors,
} from './descriptor-budget.ts'

/**
 * The configuration with the actual number of threads and with limits on connections that the descriptors suffice for.
 * @throws Error if there are too few descriptors to serve a request.
 */
export function withinLimits(
  config: Config,
  threads: number,
  log: Logger,
): { readonly config: Config; readonly budget: DescriptorBudget; readonly limit: number } {
  const limit = openFilesLimit(readLimits())
  const min = minDescriptors(threads, config.server.listenSockets)
  if (limit < min) throw tooFew(limit, min, threads)
  const budget = shareDescriptors({
    limit,
    threads,
    socketsPerRequest: neededRoles(config).length,
    queueSize: config.admission.queueSize,
    maxSockets: config.upstream.maxSockets,
    adminListeners: config.admin.healthPort === undefined ? 1 : 2,
    adminConnections: config.admin.maxConnections,
  })
  const { upstreamSockets, liveRequests, clients } = budget
  log.debug({ limit, upstreamSockets, liveRequests, clients }, 'file descriptors')
  const server = { ...config.server, workers: threads }
  const upstream = { ...config.upstream, maxSockets: budget.upstreamSockets }
  const admin = { ...config.admin, maxConnections: budget.adminConnections }
  return { config: { ...config, server, upstream, admin }, budget, limit }
}

/** Empty where the file does not exist, which leaves the limit unknown. */
export function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

/** Reported before any thread starts: later failures would say `EMFILE` at best. */
function tooFew(limit: number, min: number, threads: number): Error {
  return new Error(
    `The limit of open files is ${limit}, but --workers ${threads} needs at least ${min}: raise it (ulimit -n, LimitNOFILE)`,
  )
}
