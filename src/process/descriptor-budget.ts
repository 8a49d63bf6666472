/** How the file descriptors of the process are shared out between clients and engines. Pure. */

export interface DescriptorNeeds {
  /** Soft limit of the process; `Infinity` when it is not known. */
  readonly limit: number
  /** Connections to engines that a request at work holds: 2 with prefill and decode, 1 with one engine for both. */
  readonly socketsPerRequest: number
  /** Requests that may wait: each holds its client's descriptor. */
  readonly queueSize: number
  /** Connections to engines as configured; 0 leaves them to this. */
  readonly maxSockets: number
  readonly threads: number
}

export interface DescriptorBudget {
  /** Connections to engines, of all threads; 0 for no bound. */
  readonly upstreamSockets: number
  /** Requests at work at once. */
  readonly liveRequests: number
  /** Connections of clients that there are descriptors for. */
  readonly clients: number
  /** What the limit would have to be for a full queue and as many requests at work. */
  readonly wanted: number
}

/** Listeners, logs, probes, and what the process has open anyway. */
const OWN = 64
/** Event loop, timers and pipes of a thread. */
const PER_THREAD = 16
/** Of a small limit clients get three quarters: one who waits needs one descriptor, and must not be lost. */
const MIN_SHARE = 1 / 4

/**
 * Every request that waits and every one at work gets its client's descriptor; engines get what is left, and never
 * less than a quarter.
 */
export function shareDescriptors(needs: DescriptorNeeds): DescriptorBudget {
  const { limit, socketsPerRequest, queueSize, maxSockets, threads } = needs
  const own = OWN + threads * PER_THREAD
  const wanted = own + queueSize * (2 + socketsPerRequest)
  if (limit === Infinity) {
    const live = maxSockets === 0 ? Infinity : Math.max(1, Math.floor(maxSockets / socketsPerRequest))
    return { upstreamSockets: maxSockets, liveRequests: live, clients: Infinity, wanted }
  }
  const free = Math.max(4, limit - own)
  const left = ((free - queueSize) * socketsPerRequest) / (socketsPerRequest + 1)
  const derived = Math.floor(Math.max(free * MIN_SHARE, left))
  const upstreamSockets = maxSockets === 0 ? derived : Math.min(maxSockets, free - 1)
  return {
    upstreamSockets,
    liveRequests: Math.max(1, Math.floor(upstreamSockets / socketsPerRequest)),
    clients: free - upstreamSockets,
    wanted,
  }
}

/** Of a start that serves one request at a time, listeners aside: modules, logs, probes, clients. */
const MIN_OWN = 40
/** A thread's pipes and event loop, 5, and the connections of one request. */
const MIN_PER_THREAD = 8

/** With fewer descriptors the gateway cannot start, or starts and cannot serve. */
export function minDescriptors(threads: number, listenSockets: number): number {
  return MIN_OWN + listenSockets + threads * MIN_PER_THREAD
}

/** From the text of `/proc/self/limits`: the soft limit of open files, `Infinity` when it names none. */
export function openFilesLimit(limits: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1]
  return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft)
}
