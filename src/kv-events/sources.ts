/** Where an engine publishes its KV events, as it says itself. Pure. */
import { isObject, type Json, parseObject } from '../core/text/parse-json.ts'

export interface KvSource {
  /** `tcp://host:port` */
  readonly endpoint: string
  /** Where batches can be asked for again. `undefined` if the engine does not keep them. */
  readonly replayEndpoint: string | undefined
  readonly topic: string
}

/** Addresses on which an engine listens everywhere: then it is reached where its requests go. */
const WILDCARDS: ReadonlySet<string> = new Set(['*', '0.0.0.0', '[::]', '::'])

/**
 * Of vLLM's `/kv_event_sources`: `answer` lists a source per data-parallel rank. `rank`: `undefined` for the first source,
 * because a server that runs one rank of several names that rank. `undefined` if there is none.
 */
export function sourceOfVllm(
  answer: unknown,
  rank: number | undefined,
  engineUrl: string,
): KvSource | undefined {
  const listed = isObject(answer) && answer['sources'] !== undefined ? answer['sources'] : answer
  const entries = typeof listed === 'object' && listed !== null ? Object.entries(listed) : []
  const [, source] = entries.find(([key, entry]) => rank === undefined || rankOf(key, entry) === rank) ?? []
  return isObject(source)
    ? sourceOf(source['endpoint'], source['replay_endpoint'], source['topic'], engineUrl)
    : undefined
}

function rankOf(key: string, source: unknown): number {
  return Number(isObject(source) ? (source['data_parallel_rank'] ?? key) : key)
}

/**
 * Where the rank publishes if rank 0 does so at the source: the ports count on from there (SGLang 0.5.23, vLLM 0.32.0).
 * `undefined` if there is no such port.
 */
export function sourceOfRank(source: KvSource, rank: number): KvSource | undefined {
  const endpoint = counted(source.endpoint, rank)
  const replayEndpoint = source.replayEndpoint && counted(source.replayEndpoint, rank)
  return endpoint === undefined ? undefined : { ...source, endpoint, replayEndpoint }
}

function counted(endpoint: string, rank: number): string | undefined {
  const moved = endpoint.replace(/\d+$/, port => String(Number(port) + rank))
  return URL.canParse(moved) ? moved : undefined
}

/**
 * Of SGLang's `/server_info`, for rank 0: the flag `--kv-events-config` says more than the field `kv_events`, but newer
 * versions may have only that. `undefined` if the engine publishes nothing, or if it connects to a subscriber instead of listening.
 */
export function sourceOfSglang(server: Json, engineUrl: string): KvSource | undefined {
  const given = server['kv_events_config']
  const config = typeof given === 'string' ? parseObject(given) : given
  if (isObject(config) && config['publisher'] === 'zmq') {
    const { endpoint = 'tcp://*:5557', replay_endpoint: replay, topic, bind } = config
    return bind === true || isListening(endpoint) ? sourceOf(endpoint, replay, topic, engineUrl) : undefined
  }
  const events = server['kv_events']
  if (!isObject(events) || events['publisher'] !== 'zmq') return undefined
  const { endpoint_host: host, endpoint_port_base: port, topic } = events
  return sourceOf(`tcp://${String(host)}:${String(port)}`, undefined, topic, engineUrl)
}

/** Without `bind`, SGLang listens if the address is a wildcard, else it connects. */
function isListening(endpoint: unknown): boolean {
  return typeof endpoint === 'string' && ['*', '::', '0.0.0.0'].some(part => endpoint.includes(part))
}

function sourceOf(
  endpoint: unknown,
  replay: unknown,
  topic: unknown,
  engineUrl: string,
): KvSource | undefined {
  const reached = reachedAt(endpoint, engineUrl)
  return reached === undefined
    ? undefined
    : {
        endpoint: reached,
        replayEndpoint: reachedAt(replay, engineUrl),
        topic: typeof topic === 'string' ? topic : '',
      }
}

function reachedAt(endpoint: unknown, engineUrl: string): string | undefined {
  if (typeof endpoint !== 'string') return undefined
  const [, host = '', port = ''] = /^tcp:\/\/(.+):(\d+)$/.exec(endpoint) ?? []
  const reached = `tcp://${WILDCARDS.has(host) ? new URL(engineUrl).hostname : host}:${port}`
  return Number(port) > 0 && URL.canParse(reached) ? reached : undefined
}
