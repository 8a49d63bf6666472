/** Divides the file descriptors of the process between clients and engines. Pure. */

export interface DescriptorNeeds {
  /** Soft limit of the process; `Infinity` if it is unknown. */
  readonly limit: number
  /** Connections to engines that a running request holds: 2 with prefill and decode engines, 1 with mixed engines. */
  readonly socketsPerRequest: number
  /** Size of the admission queue; each queued request holds its client's descriptor. */
  readonly queueSize: number
  /** Configured limit of connections to engines; 0 derives it from the descriptors. */
  readonly maxSockets: number
  /** Router threads. */
  readonly threads: number
  /** Listeners of the control thread, and the connections that each should have at most. */
  readonly adminListeners?: number
  readonly adminConnections?: number
}

export interface DescriptorBudget {
  /** Limit of connections to engines over all threads; 0 for no limit. */
  readonly upstreamSockets: number
  /** Limit of running requests. */
  readonly liveRequests: number
  /** Limit of client connections. */
  readonly clients: number
  /** Limit of connections to each listener of the control thread. It has descriptors for half as many more, for a moment. */
  readonly adminConnections: number
  /** Descriptors that the gateway needs with a full queue and no running request. */
  readonly fixed: number
  /** Descriptors of a running request. */
  readonly perRequest: number
}

/** Descriptors for listeners, logs, probes, and files that the process has open anyway. */
const OWN = 64
/** Descriptors for event loop, timers and pipes of a thread. */
const PER_THREAD = 16
/** Share of all descriptors that connections to the listeners of the control thread get at most. */
const MAX_ADMIN_SHARE = 1 / 32
/** Descriptors for each connection of that limit: it may be exceeded by half (`src/admin/connection-cap.ts`). */
const PER_ADMIN_CONNECTION = 3 / 2
/** For a scraper and a prober. */
const MIN_ADMIN_CONNECTIONS = 2
/** Share of the free descriptors that engines get at least. The rest keeps queued requests from being lost. */
const MIN_ENGINE_SHARE = 1 / 4

/**
 * Gives every queued and every running request its client's descriptor. Engines get the remaining descriptors, at least a
 * quarter.
 */
export function shareDescriptors(needs: DescriptorNeeds): DescriptorBudget {
  const { limit, socketsPerRequest, queueSize, maxSockets, threads } = needs
  const { adminListeners = 1, adminConnections: wantedAdmin = 0 } = needs
  const maxAdmin = Math.floor((limit * MAX_ADMIN_SHARE) / adminListeners / PER_ADMIN_CONNECTION)
  const adminConnections = Math.min(wantedAdmin, Math.max(MIN_ADMIN_CONNECTIONS, maxAdmin))
  const own = OWN + threads * PER_THREAD + Math.ceil(adminListeners * adminConnections * PER_ADMIN_CONNECTION)
  const needed = { fixed: own + queueSize, perRequest: 1 + socketsPerRequest }
  if (limit === Infinity) {
    const live = maxSockets === 0 ? Infinity : Math.max(1, Math.floor(maxSockets / socketsPerRequest))
    return { upstreamSockets: maxSockets, liveRequests: live, clients: Infinity, adminConnections, ...needed }
  }
  const free = Math.max(4, limit - own)
  const unclaimed = ((free - queueSize) * socketsPerRequest) / (socketsPerRequest + 1)
  const derived = Math.floor(Math.max(free * MIN_ENGINE_SHARE, unclaimed))
  const upstreamSockets = maxSockets === 0 ? derived : Math.min(maxSockets, free - 1)
  return {
    upstreamSockets,
    liveRequests: Math.max(1, Math.floor(upstreamSockets / socketsPerRequest)),
    clients: free - upstreamSockets,
    adminConnections,
    ...needed,
  }
}

/** Descriptors that a gateway needs to serve one request at a time, without listeners: modules, logs, probes, clients. */
const MIN_OWN = 40
/** Pipes and event loop of a thread take 5, the connections of one request the rest. */
const MIN_PER_THREAD = 8

/** With fewer descriptors the gateway cannot start, or cannot serve a request. */
export function minDescriptors(threads: number, listenSockets: number): number {
  return MIN_OWN + listenSockets + threads * MIN_PER_THREAD
}

/** The soft limit of open files in the text of `/proc/self/limits`; `Infinity` if it has none. */
export function openFilesLimit(limits: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1]
  return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft)
}
