/** All policies, by their name in the configuration. */
import { cacheAware } from './cache-aware.ts'
import { leastLoad } from './least-load.ts'
import type { Policy } from './policy.ts'
import { powerOfTwo } from './power-of-two.ts'
import { random } from './random.ts'
import { roundRobin } from './round-robin.ts'

export const POLICIES = {
  cache_aware: cacheAware,
  random,
  round_robin: roundRobin,
  power_of_two: powerOfTwo,
  least_load: leastLoad,
} as const satisfies Record<string, Policy>
