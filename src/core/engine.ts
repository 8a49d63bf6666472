/** Static properties of a registered engine. Its health and in-flight requests, which change often, are in `shared/`. */

/** A `mixed` engine does both prefill and decode. */
export type Role = 'prefill' | 'decode' | 'mixed'

/** What the two engines of a pair must have in common: decode reads the KV cache that prefill wrote. */
export interface PairingFacts {
  readonly pageSize?: number
  readonly kvCacheType?: string
  readonly transferBackend?: string
  readonly version?: string
}

/** The member of a body, or the header, by which an engine takes the data-parallel rank that it runs a request on. */
type RankField = 'routed_dp_rank' | 'data_parallel_rank' | 'x-data-parallel-rank'

/** The data-parallel ranks of an engine, if the gateway chooses among them. */
export interface EngineRanks {
  /** From 2 to `MAX_RANKS`. */
  readonly count: number
  readonly field: RankField
}

/** The data-parallel rank that an attempt was given on an engine. */
interface ChosenRank {
  /** From 0. */
  readonly number: number
  /** Index into the tables of shared memory that count by rank. */
  readonly target: number
}

/** Engines with more ranks choose one themselves. The index of prefixes has 16 bits for an engine and its rank. */
export const MAX_RANKS = 63

export interface Engine {
  /** Index into the tables of shared memory, 0 or more. Reused only when nothing is in flight on it. */
  readonly slot: number
  /** Incremented when the slot is assigned to another engine, so that breakers ignore late outcomes of the previous one. */
  readonly generation: number
  /** Origin without a trailing slash: `http://10.0.0.1:30000`. */
  readonly url: string
  readonly role: Role
  /** Host at which decode engines reach the bootstrap server of this prefill engine: the host of `url`. */
  readonly bootstrapHost: string
  readonly bootstrapPort: number
  /** Names of the models that the engine reports at `/v1/models` or `/server_info`. Empty if it reports none. */
  readonly models: readonly string[]
  /** Maximum number of concurrent requests, from `/server_info`. `undefined` if the engine reports none. */
  readonly maxRunning: number | undefined
  /** Size of the KV cache in tokens, of all data-parallel ranks together. Absent if the engine reports none. */
  readonly kvTokens?: number
  /** Maximum length of a prompt, in tokens. `undefined` if the engine reports none. */
  readonly maxInputTokens: number | undefined
  /** Addresses of its host name, in ascending order. Empty if the host is an address itself, or if they are unknown. */
  readonly addresses: readonly string[]
  /** Number of data-parallel ranks, 1 or more. */
  readonly dpSize: number
  /** Absent if the engine has one rank, or chooses itself. */
  readonly ranks?: EngineRanks
  /** Only on the engines of a pair: the rank that was chosen for its attempt. */
  readonly rank?: ChosenRank
  /** SGLang's HTTP server. The one in Rust knows fewer requests by their rid. `undefined` if the engine reports none. */
  readonly frontend: 'python' | 'rust' | undefined
  /** The engine is vLLM, which has no `/generate` (0.32.0): it names itself as the owner of its models. */
  readonly isVllm: boolean
  /** As the engine reports it, without what follows a plus sign. Absent if it reports none. */
  readonly version?: string
  /** Only what the engine reports. */
  readonly pairing: PairingFacts
  /** Where it publishes KV events, and sends them again, if that was said when it was added. */
  readonly kvEvents?: string
  readonly kvEventsReplay?: string | undefined
  /** Key that the control thread sends to the engine. Never shown. */
  readonly apiKey: string | undefined
}

/** An engine that has shown no sign of life for long, or whose process is gone. */
export interface LostEngine extends Pick<Engine, 'slot' | 'generation'> {
  /** Error of its last probe. */
  readonly reason: string
}

/** All registered engines. Immutable: each change creates a snapshot with the next generation. */
export interface EngineSnapshot {
  readonly generation: number
  readonly engines: readonly Engine[]
}

export const NO_ENGINES: EngineSnapshot = { generation: 0, engines: [] }

/** SGLang's default of `--disaggregation-bootstrap-port`. */
export const DEFAULT_BOOTSTRAP_PORT = 8998
