/** A router thread's share of the connections that the gateway may open to its engines. Pure. */
import type { Config } from '../../src/config/config.ts'

type Limits = Pick<Config, 'upstream' | 'server'>

/** Connections that legs may not use. They are for `/abort_request` above all, which must get through under full load. */
const RESERVED = 4

/** All connections of the thread, enough for at least one pair; `Infinity` while `upstream.maxSockets` is unknown. */
export function socketsOf({ upstream, server }: Limits): number {
  if (upstream.maxSockets === 0) return Infinity
  return Math.max(2 + RESERVED, Math.floor(upstream.maxSockets / Math.max(1, server.workers)))
}

/** The part of `socketsOf` that the legs of attempts may use. */
export function connectionsPerThread(config: Limits): number {
  return socketsOf(config) - RESERVED
}
