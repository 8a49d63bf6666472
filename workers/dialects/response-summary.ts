/** How much of a prompt the engine had cached, as one response or one event says it. */
export interface CachedPrompt {
  readonly promptTokens: number
  /** 0 to `promptTokens`. */
  readonly cachedTokens: number
}

/** `undefined` if either count is missing. */
export function cachedPrompt(promptTokens: unknown, cachedTokens: unknown): CachedPrompt | undefined {
  if (typeof promptTokens !== 'number' || typeof cachedTokens !== 'number') return undefined
  return { promptTokens, cachedTokens }
}

/** The facts about a complete, good response of an engine that the gateway needs. */
export interface ResponseSummary {
  /** `usage.prompt_tokens` or `meta_info.prompt_tokens`; `undefined` when the response does not name it. */
  readonly promptTokens: number | undefined
  /** `undefined` when the response does not say. */
  readonly cached?: CachedPrompt | undefined
  /** Whether the response holds at least one generated token. */
  readonly hasToken: boolean
  /** How a response without a token says that it has ended: at a length of at most one, or in another way. */
  readonly tokenlessEnd?: 'length' | 'other' | undefined
}
