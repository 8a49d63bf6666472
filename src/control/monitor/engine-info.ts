/** The properties of an engine, as its `/server_info` and `/v1/models` report them. Pure. */
import type { Config } from '../../config/config.ts'
import type { Engine, PairingFacts, Role } from '../../core/engine.ts'
import { ranksOf } from './rank-facts.ts'

export interface EngineInfo
  extends Pick<
    Engine,
    | 'models'
    | 'maxRunning'
    | 'kvTokens'
    | 'maxInputTokens'
    | 'dpSize'
    | 'frontend'
    | 'isVllm'
    | 'version'
    | 'pairing'
  > {
  readonly bootstrapPort: number | undefined
  /** `--disaggregation-mode` of the engine: `prefill`, `decode` or `null`. `undefined` if it reports none. */
  readonly mode: string | undefined
  /** The answer is that of a gateway, which lists its engines. */
  readonly isGateway: boolean
}

/** What is known of an engine: what it has reported, and what its name says. */
export type KnownEngine = EngineInfo & Pick<Engine, 'addresses' | 'ranks'>

/** A JSON object whose fields are not checked yet. */
export type Fields = Readonly<Record<string, unknown>>

const NOTHING: Fields = {}

export function parseEngineInfo(server: Fields, models: Fields): EngineInfo {
  const dpSize = positive(server['dp_size']) ?? 1
  // That of one rank (SGLang 0.5.23).
  const rankTokens = positive(server['max_total_num_tokens'])
  const pairing = pairingOf(server)
  const { version } = pairing
  const names = [...listedNames(models), server['served_model_name']].filter(isName)
  return {
    models: [...new Set(names)],
    maxRunning: maxRunningOf(server, dpSize),
    ...(rankTokens === undefined ? {} : { kvTokens: rankTokens * dpSize }),
    // An engine that cuts long prompts itself has no limit that the gateway could apply.
    maxInputTokens:
      server['allow_auto_truncate'] === true ? undefined : positive(server['max_req_input_len']),
    dpSize,
    frontend: frontendOf(server['frontend']),
    isVllm: isOfVllm(list(models['data'])),
    ...(version === undefined ? {} : { version }),
    pairing,
    bootstrapPort: portOf(server['disaggregation_bootstrap_port']),
    mode: isName(server['disaggregation_mode']) ? server['disaggregation_mode'] : undefined,
    isGateway: Array.isArray(server['prefill']) && Array.isArray(server['decode']),
  }
}

/** What counts of an engine of this role with these settings. */
export function usedFacts(
  info: EngineInfo,
  role: Role,
  settings: Config['engines'],
): Omit<KnownEngine, 'addresses'> {
  const ranks = ranksOf(info, role, settings)
  const pairing = comparedFacts(info.pairing, settings.pairVersions)
  return { ...info, pairing, ...(ranks === undefined ? {} : { ranks }) }
}

/** The names in a response of `/v1/models`, in its order. */
export function listedNames(models: Fields): string[] {
  return list(models['data'])
    .map(model => record(model)['id'])
    .filter(isName)
}

/** Prefers the effective limit of the scheduler, which may be lower than the flag if memory is short. */
function maxRunningOf(server: Fields, dpSize: number): number | undefined {
  const [state] = list(server['internal_states'])
  const perRank = positive(record(state)['effective_max_running_requests_per_dp'])
  return perRank === undefined ? positive(server['max_running_requests']) : perRank * dpSize
}

function frontendOf(value: unknown): EngineInfo['frontend'] {
  return value === 'python' || value === 'rust' ? value : undefined
}

function isOfVllm(models: readonly unknown[]): boolean {
  return models.length > 0 && models.every(model => record(model)['owned_by'] === 'vllm')
}

function pairingOf(server: Fields): PairingFacts {
  const pageSize = positive(server['page_size'])
  const text = (key: string): string | undefined => (isName(server[key]) ? server[key] : undefined)
  const kvCacheType = text('kv_cache_dtype')
  // Builds of one release differ only after the plus sign (PEP 440): `0.5.23+cu129`.
  const version = text('version')?.split('+', 1)[0]
  const transferBackend = text('disaggregation_transfer_backend')
  return {
    ...(pageSize === undefined ? {} : { pageSize }),
    ...(kvCacheType === undefined ? {} : { kvCacheType }),
    ...(transferBackend === undefined ? {} : { transferBackend }),
    ...(version === undefined ? {} : { version }),
  }
}

/** What must be the same in both engines of a pair. `versions`: whether that of the engine is part of it. */
function comparedFacts(pairing: PairingFacts, versions: Config['engines']['pairVersions']): PairingFacts {
  if (versions !== 'any') return pairing
  const { version: _, ...facts } = pairing
  return facts
}

function record(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : NOTHING
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined
}

function portOf(value: unknown): number | undefined {
  const port = positive(value)
  return port !== undefined && port <= 65_535 ? port : undefined
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
