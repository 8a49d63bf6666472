/** Names of the routers and loads, for flags and help; what they stand for is loaded only when they run. */

/** Name of this project's gateway in tables and flags. */
export const GATEWAY = 'gateway'

/** In the order of the table and of the first round. */
export const ROUTER_NAMES = [
  GATEWAY,
  'sglang-router',
  'sglang-mini-lb',
  'smg',
  'vllm-router',
  'haproxy',
  'nginx',
] as const

export const LOAD_NAMES = [
  'small',
  'k32',
  'c1000',
  'streams',
  'c10k',
  'small-stressed',
  'k32-stressed',
  'streams-stressed',
  'c1000-stressed',
  'c10k-stressed',
] as const

/** Loads of the speed bench. */
export const SPEED_LOAD_NAMES = ['small', 'k32', 'chunk-2ms', 'chunk-20ms', 'c1000'] as const

export type RouterName = (typeof ROUTER_NAMES)[number]
export type LoadName = (typeof LOAD_NAMES)[number]
export type SpeedLoadName = (typeof SPEED_LOAD_NAMES)[number]
