/** Names of the parts of `bench cache`, for flags and help; what they stand for is loaded only when they run. */

/** In the order in which they run. */
export const WORKLOAD_NAMES = [
  'regular-30',
  'regular-60',
  'zipf',
  'conversations',
  'pd',
  'regular-120',
] as const

/** Checks of the gateway alone, after the workloads. */
export const EXTRA_NAMES = ['changes', 'index'] as const

/** Who chooses the engines, in the order in which they run; all but the last are the gateway with `cache_aware`. */
export const DEFAULT_CHOOSERS = [
  'ideal',
  'gateway',
  'gateway-2-threads',
  'two-gateways',
  'least_load',
  'sglang-router',
  'smg',
] as const

/** Other policies of the gateway, which run only if they are named. */
export const OTHER_CHOOSERS = ['round_robin', 'power_of_two', 'random'] as const

export type WorkloadName = (typeof WORKLOAD_NAMES)[number]
export type ExtraName = (typeof EXTRA_NAMES)[number]
export type ChooserName = (typeof DEFAULT_CHOOSERS)[number] | (typeof OTHER_CHOOSERS)[number]
