/** Limits of what is open at once that follow from the configuration and the machine. */
import type { Config } from '../../config/config.ts'
import { availableMemoryBytes } from '../../core/available-memory.ts'
import type { AdmissionLimits } from '../admission/fleet-capacity.ts'

/** Share of the memory that request bodies may take by default. */
const DEFAULT_BODY_SHARE = 1 / 4

/** How many bytes of request bodies are held at once. */
export function heldBodyBytes({ limits }: Config): number {
  return limits.heldBodyBytes || Math.floor(availableMemoryBytes() * DEFAULT_BODY_SHARE)
}

/**
 * Share of the client connections that no request may take, so that clients beyond the limit get a response instead of having
 * their connection closed.
 */
const REFUSAL_SHARE = 1 / 32

/** Limit of open requests of all kinds. */
export function maxOpen({ limits }: Config, { maxClients }: AdmissionLimits): number {
  const answerable = maxClients === Infinity ? Infinity : Math.ceil(maxClients * (1 - REFUSAL_SHARE))
  return Math.min(limits.openExchanges, answerable)
}
