/** A router thread's share of the connections that the gateway may have to its engines. Pure. */
import type { Config } from '../../src/config/config.ts'

type Shared = Pick<Config, 'upstream' | 'server'>

/** Connections kept free of legs, for `/abort_request` above all: engines must hear of it when the gateway is full. */
const RESERVED = 4

/** Connections of the thread in all; `Infinity` while `upstream.maxSockets` is not known. At least one pair's. */
export function socketsOf({ upstream, server }: Shared): number {
  if (upstream.maxSockets === 0) return Infinity
  return Math.max(2 + RESERVED, Math.floor(upstream.maxSockets / Math.max(1, server.workers)))
}

/** Of these, the ones that legs of attempts may have. */
export function connectionsPerThread(config: Shared): number {
  return socketsOf(config) - RESERVED
}
