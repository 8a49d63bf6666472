/**
 * The endpoints that reach a router thread, and how each is treated.
 *
 * The order of the list is the wire code of `messages/`: both ends of a channel are the same build.
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

/** Endpoints whose requests make tokens: these go through a pair, with retry. */
export type GenerationEndpoint = 'generate' | 'chat' | 'completions'

export function isGeneration(endpoint: Endpoint): endpoint is GenerationEndpoint {
  return endpoint === 'generate' || endpoint === 'chat' || endpoint === 'completions'
}
