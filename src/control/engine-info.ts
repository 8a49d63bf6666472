/**
 * Reads the properties of an engine at registration, from `/server_info` (`/get_server_info` in older versions of
 * SGLang) and `/v1/models`.
 *
 * An engine without these endpoints is used as configured. An engine that is not up is an error, and the caller tries
 * again. `/server_info` is never polled, because it is answered by the scheduler of the engine.
 */
import type { GetResponse } from './http-get.ts'

export interface EngineInfo {
  readonly models: readonly string[]
  readonly maxRunning: number | undefined
  readonly maxInputTokens: number | undefined
  readonly bootstrapPort: number | undefined
  /** `--disaggregation-mode` of the engine: `prefill`, `decode` or `null`. `undefined` if it reports none. */
  readonly mode: string | undefined
}

/** Sends a GET request for a path to the engine. */
export type EngineGet = (path: string) => Promise<GetResponse>

type Fields = Readonly<Record<string, unknown>>

const NOTHING: Fields = {}

/** @throws Error if the engine is not up: it cannot be reached or responds with 5xx */
export async function readEngineInfo(get: EngineGet): Promise<EngineInfo> {
  const server = (await readJson(get, '/server_info')) ?? (await readJson(get, '/get_server_info')) ?? NOTHING
  const models = (await readJson(get, '/v1/models')) ?? NOTHING
  return parseEngineInfo(server, models)
}

export function parseEngineInfo(server: Fields, models: Fields): EngineInfo {
  const dpSize = positive(server['dp_size']) ?? 1
  const listedNames = list(models['data']).map(model => record(model)['id'])
  const names = [...listedNames, server['served_model_name']].filter(isName)
  return {
    models: [...new Set(names)],
    maxRunning: maxRunningOf(server, dpSize),
    // An engine that cuts long prompts itself has no limit that the gateway could apply.
    maxInputTokens:
      server['allow_auto_truncate'] === true ? undefined : positive(server['max_req_input_len']),
    bootstrapPort: portOf(server['disaggregation_bootstrap_port']),
    mode: isName(server['disaggregation_mode']) ? server['disaggregation_mode'] : undefined,
  }
}

/** Prefers the effective limit of the scheduler, which may be lower than the flag if memory is short. */
function maxRunningOf(server: Fields, dpSize: number): number | undefined {
  const [state] = list(server['internal_states'])
  const perRank = positive(record(state)['effective_max_running_requests_per_dp'])
  return perRank === undefined ? positive(server['max_running_requests']) : perRank * dpSize
}

/** Returns `undefined` if the engine does not serve the path, or serves something else there. */
async function readJson(get: EngineGet, path: string): Promise<Fields | undefined> {
  const { status, body } = await get(path)
  if (status >= 500 && status !== 501) throw new Error(`${path} responded with ${status}`)
  if (status !== 200) return undefined
  try {
    return record(JSON.parse(body))
  } catch {
    return undefined
  }
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
