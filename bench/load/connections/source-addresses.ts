/** Local addresses to connect from: one address has about 28,000 ports, loopback has millions of addresses. */
import { isIPv4 } from 'node:net'
import type { LoadPlan } from '../plan/plan.ts'

/** Half of the ephemeral ports, because ports of closed connections stay blocked for a minute. */
const CONNECTIONS_PER_ADDRESS = 14_000
const MAX_ADDRESSES = 200

/** Empty leaves the choice to the kernel, as for few connections and for every target that is not on loopback. */
export function sourceAddresses(plan: LoadPlan): readonly string[] {
  const { hostname } = new URL(plan.url)
  if (!isIPv4(hostname) || !hostname.startsWith('127.')) return []
  const count = Math.min(MAX_ADDRESSES, Math.ceil(connectionsOf(plan) / CONNECTIONS_PER_ADDRESS))
  return count < 2
    ? []
    : Array.from({ length: count }, (_, index) => `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`)
}

/** The most connections that the run may open. A client that leaves closes its own. */
function connectionsOf({ connection, requests, arrivals, leaveShare }: LoadPlan): number {
  if (connection === 'per-request') return requests
  const concurrency =
    arrivals.kind === 'closed' ? arrivals.concurrency : (arrivals.maxConcurrency ?? requests)
  return Math.min(requests, concurrency) + requests * leaveShare
}
