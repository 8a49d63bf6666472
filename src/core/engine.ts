/** What is known of an engine once it is registered. What changes by the second (health, in flight) lives in `shared/`. */

/** `mixed` engines do prefill and decode in one place. */
export type Role = 'prefill' | 'decode' | 'mixed'

export interface Engine {
  /** Index into the tables of shared memory, 0 or more. Reused only when nothing is in flight on it. */
  readonly slot: number
  /** Incremented when the slot is assigned to another engine, so that breakers ignore late outcomes of the previous one. */
  readonly generation: number
  /** Origin without a trailing slash: `http://10.0.0.1:30000`. */
  readonly url: string
  readonly role: Role
  /** Where decode finds this prefill engine's bootstrap server; the host of `url` unless configured. */
  readonly bootstrapHost: string
  readonly bootstrapPort: number
  /** Model names that the engine answers to, from `/v1/models` or `/server_info`; empty when it told none. */
  readonly models: readonly string[]
  /** Requests the engine runs at once, from `/server_info`; `undefined` when it told none. */
  readonly maxRunning: number | undefined
  /** Longest prompt in tokens that the engine accepts; `undefined` when it told none. */
  readonly maxInputTokens: number | undefined
}

/** All registered engines. Immutable; every change makes a new one with the next generation. */
export interface EngineSnapshot {
  readonly generation: number
  readonly engines: readonly Engine[]
}

export const NO_ENGINES: EngineSnapshot = { generation: 0, engines: [] }

/** SGLang's own default for `--disaggregation-bootstrap-port`. */
export const DEFAULT_BOOTSTRAP_PORT = 8998
