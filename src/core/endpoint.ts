/**
 * The endpoints whose requests are handled by router threads.
 *
 * The index in the list is the code that `messages/` sends, since both ends of a channel are the same build.
 */
export const ENDPOINTS = [
  'generate',
  'chat',
  'completions',
  'models',
  'model',
  'model-info',
  'server-info',
  'loads',
  'health-generate',
  'flush-cache',
  'abort-request',
  'start-profile',
  'stop-profile',
] as const

export type Endpoint = (typeof ENDPOINTS)[number]

/** Endpoints that generate tokens. Their requests go through a pair and are retried. */
export type GenerationEndpoint = 'generate' | 'chat' | 'completions'

export function isGeneration(endpoint: Endpoint): endpoint is GenerationEndpoint {
  return endpoint === 'generate' || endpoint === 'chat' || endpoint === 'completions'
}
