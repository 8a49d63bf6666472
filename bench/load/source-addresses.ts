/** Addresses to connect from: one address has some 28,000 ports, loopback has millions of addresses. */
import { isIPv4 } from 'node:net'
import type { LoadPlan } from './plan.ts'

/** Half of what the kernel has: ports of closed connections are blocked for a minute. */
const CONNECTIONS_PER_ADDRESS = 14_000
const MOST_ADDRESSES = 200

/** None leaves the choice to the kernel: enough for few connections, and the only way to a machine elsewhere. */
export function sourceAddresses(plan: LoadPlan): readonly string[] {
  const { hostname } = new URL(plan.url)
  if (!isIPv4(hostname) || !hostname.startsWith('127.')) return []
  const count = Math.min(MOST_ADDRESSES, Math.ceil(connectionsOf(plan) / CONNECTIONS_PER_ADDRESS))
  return count < 2
    ? []
    : Array.from({ length: count }, (_, at) => `127.0.${1 + Math.floor(at / 250)}.${1 + (at % 250)}`)
}

/** Most connections that the run may open. Who leaves closes his own. */
function connectionsOf({ connection, requests, arrivals, leaveShare }: LoadPlan): number {
  if (connection === 'per-request') return requests
  const atOnce = arrivals.kind === 'closed' ? arrivals.concurrency : (arrivals.maxConcurrency ?? requests)
  return Math.min(requests, atOnce) + requests * leaveShare
}
