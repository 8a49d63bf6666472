/** The facts about a complete, good response of an engine that the gateway needs. */
export interface ResponseSummary {
  /** `usage.prompt_tokens` or `meta_info.prompt_tokens`; `undefined` when the response does not name it. */
  readonly promptTokens: number | undefined
  /** How many of them the engine had cached; `undefined` when the response does not say. */
  readonly cachedTokens?: number | undefined
  /** Whether the response holds at least one generated token. */
  readonly hasToken: boolean
  /** How a response without a token says that it has ended: at a length of at most one, or in another way. */
  readonly tokenlessEnd?: 'length' | 'other' | undefined
}
