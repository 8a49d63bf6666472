/** All policies, by their name in the configuration. */
import type { Role } from '../core/engine.ts'
import { bucket, type LengthShares } from './bucket.ts'
import { consistentHashing, prefixHash } from './by-hash.ts'
import { type CacheAwareOptions, cacheAware } from './cache-aware.ts'
import { decodeCache } from './decode-cache.ts'
import { leastLoad } from './least-load.ts'
import { type ManualOptions, manual } from './manual.ts'
import type { Policy } from './policy.ts'
import { powerOfTwo } from './power-of-two.ts'
import { random } from './random.ts'
import { roundRobin } from './round-robin.ts'
import type { KeyAssignments } from './sticky.ts'

/** What some policies need besides what they are given with each choice. */
export interface PolicyTools {
  /** The role that the policy chooses for. */
  readonly role: Role
  readonly options: ManualOptions & CacheAwareOptions
  /** Those of the role. */
  readonly assignments: KeyAssignments
  readonly lengths: LengthShares
}

/**
 * What a policy reads of a request: what engines have cached of its prompt, how the prompt begins, how long it is, or the
 * routing key. With `size` it reads nothing of the request itself, but how long the prompts are that engines have.
 */
export type PolicyInput = 'caches' | 'prefix' | 'length' | 'size' | 'key'

interface PolicyKind {
  readonly create: (tools: PolicyTools) => Policy
  readonly reads?: PolicyInput
}

export const POLICIES = {
  cache_aware: {
    create: ({ role, options }) => (role === 'decode' ? decodeCache : cacheAware(options)),
    reads: 'caches',
  },
  prefix_hash: { create: ({ options }) => prefixHash(options), reads: 'prefix' },
  bucket: { create: ({ options, lengths }) => bucket(options, lengths), reads: 'length' },
  consistent_hashing: { create: ({ options }) => consistentHashing(options), reads: 'key' },
  manual: { create: ({ options, assignments }) => manual(options, assignments), reads: 'key' },
  random: { create: () => random },
  round_robin: { create: () => roundRobin },
  power_of_two: { create: () => powerOfTwo, reads: 'size' },
  least_load: { create: () => leastLoad, reads: 'size' },
} as const satisfies Record<string, PolicyKind>

export type PolicyName = keyof typeof POLICIES
