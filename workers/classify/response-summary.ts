/** The facts about a complete, good response of an engine that the gateway needs. */
export interface ResponseSummary {
  /** `usage.prompt_tokens` or `meta_info.prompt_tokens`; `undefined` when the response does not name it. */
  readonly promptTokens: number | undefined
  /** Whether the response holds at least one generated token. */
  readonly hasToken: boolean
  /**
   * How a response without a token ended. `length`: at a limit of one token, which it therefore lacks. `undefined`
   * when it does not say that it ended: then it says nothing at all.
   */
  readonly tokenlessEnd?: 'length' | 'other'
}
