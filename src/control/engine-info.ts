/**
 * What an engine tells of itself when it is registered: `/server_info` (older: `/get_server_info`) and `/v1/models`.
 *
 * An engine that does not know these paths is taken as it is configured. One that is not up yet is an error: the
 * caller tries again. `/server_info` goes through the engine's scheduler, so it is never polled.
 */
import type { GetAnswer } from './http-get.ts'

export interface EngineInfo {
  readonly models: readonly string[]
  readonly maxRunning: number | undefined
  readonly maxInputTokens: number | undefined
  readonly bootstrapPort: number | undefined
  /** `prefill`, `decode` or `null`, as the engine was started; `undefined` when it told none. */
  readonly mode: string | undefined
}

/** GET of a path of the engine. */
export type EngineGet = (path: string) => Promise<GetAnswer>

type Fields = Readonly<Record<string, unknown>>

const NOTHING: Fields = {}

/** @throws when the engine cannot be reached or answers 5xx: it is not up. */
export async function readEngineInfo(get: EngineGet): Promise<EngineInfo> {
  const server = (await readJson(get, '/server_info')) ?? (await readJson(get, '/get_server_info')) ?? NOTHING
  const models = (await readJson(get, '/v1/models')) ?? NOTHING
  return parseEngineInfo(server, models)
}

export function parseEngineInfo(server: Fields, models: Fields): EngineInfo {
  const dpSize = positive(server['dp_size']) ?? 1
  const listed = list(models['data']).map(model => record(model)['id'])
  const names = [...listed, server['served_model_name']].filter(isName)
  return {
    models: [...new Set(names)],
    maxRunning: maxRunningOf(server, dpSize),
    maxInputTokens: positive(server['max_req_input_len']),
    bootstrapPort: portOf(server['disaggregation_bootstrap_port']),
    mode: isName(server['disaggregation_mode']) ? server['disaggregation_mode'] : undefined,
  }
}

/** The scheduler's own figure is what it works with; the flag may have been cut down for want of memory. */
function maxRunningOf(server: Fields, dpSize: number): number | undefined {
  const [state] = list(server['internal_states'])
  const perRank = positive(record(state)['effective_max_running_requests_per_dp'])
  return perRank === undefined ? positive(server['max_running_requests']) : perRank * dpSize
}

/** `undefined`: the engine does not have the path, or has something else there. */
async function readJson(get: EngineGet, path: string): Promise<Fields | undefined> {
  const { status, body } = await get(path)
  if (status >= 500 && status !== 501) throw new Error(`${path} answered ${status}`)
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
