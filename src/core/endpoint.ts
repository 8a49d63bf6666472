/** Endpoints that generate tokens. Their requests go through a pair and are retried. */
export const GENERATION_ENDPOINTS = ['generate', 'chat', 'completions', 'responses', 'messages'] as const

/**
 * The endpoints whose requests are handled by router threads.
 *
 * The index in the list is the code that `messages/` sends, since both ends of a channel are the same build.
 */
export const ENDPOINTS = [
  ...GENERATION_ENDPOINTS,
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
  'count-tokens',
] as const

export type Endpoint = (typeof ENDPOINTS)[number]

export type GenerationEndpoint = (typeof GENERATION_ENDPOINTS)[number]

/**
 * The member by which engines take the client's name for a request; `undefined` if they give it one that nobody can know
 * (SGLang 0.5.23).
 */
export const RID_KEYS = {
  generate: 'rid',
  chat: 'rid',
  completions: 'rid',
  responses: 'request_id',
  messages: undefined,
} as const satisfies Readonly<Record<GenerationEndpoint, string | undefined>>

const GENERATING: ReadonlySet<string> = new Set(GENERATION_ENDPOINTS)

export function isGeneration(endpoint: Endpoint): endpoint is GenerationEndpoint {
  return GENERATING.has(endpoint)
}

/** Whether the endpoint takes a JSON body that the client may not send as anything else. */
export function takesJson(endpoint: Endpoint): boolean {
  return isGeneration(endpoint) || endpoint === 'count-tokens'
}
