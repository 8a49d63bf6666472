/**
 * Catalogue of all metrics, with their help texts and label values. Nothing else can be counted or exposed.
 *
 * The values of a label are bounded: never a model name, a client URL or a message. The labels `engine` (URL) and
 * `role` come from the registry, which bounds them.
 */
import { GENERATION_ENDPOINTS } from '../core/endpoint.ts'
import { ERROR_CODES } from '../core/errors.ts'
import { CAUSES, ENGINE_COUNTERS } from './engine-counters.ts'

const OUTCOMES = ['ok', 'client-error', 'engine-error', 'gateway-error', 'broken', 'aborted'] as const
export type RequestOutcome = (typeof OUTCOMES)[number]

/** `<endpoint> <outcome>`: two labels in one key, so that a single lookup finds the cell. */
const BY_ENDPOINT = GENERATION_ENDPOINTS.flatMap(endpoint =>
  OUTCOMES.map(outcome => `${endpoint} ${outcome}` as const),
)

/** Counted by any thread and summed over all. `labels` names the parts of a value, which are separated by spaces. */
export const COUNTERS = {
  pdgw_frontend_refused_total: {
    help: 'Requests that the front end rejected before they reached a router thread, by error code.',
    labels: ['reason'],
    values: ERROR_CODES,
  },
  pdgw_frontend_lost_exchanges_total: {
    help: 'Open requests whose router thread ended, by outcome: saved (reassigned to another thread) or failed (ended with an error).',
    labels: ['outcome'],
    values: ['saved', 'failed'],
  },
  pdgw_frontend_closed_connections_total: {
    help: 'Client connections closed by the gateway, by reason: idle (timeouts.clientIdleMs), slow-head (timeouts.clientHeadMs), slow-body (timeouts.bodyMs after the response) or full (limits.clientConnections).',
    labels: ['reason'],
    values: ['idle', 'slow-head', 'slow-body', 'full'],
  },
  pdgw_frontend_stalled_clients_total: {
    help: 'Clients disconnected because they did not read their pending response data.',
    labels: [],
    values: [''],
  },
  pdgw_router_requests_total: {
    help: 'Generation requests that a router thread has finished, by endpoint and outcome: ok, client-error (4xx), engine-error, gateway-error, broken (failed after the response had started) or aborted (by the client).',
    labels: ['endpoint', 'outcome'],
    values: BY_ENDPOINT,
  },
  pdgw_router_attempts_total: {
    help: 'Attempts started, each on one pair of engines or one mixed engine.',
    labels: [],
    values: [''],
  },
  pdgw_router_attempt_failures_total: {
    help: 'Failures of attempts, before or after the response had started, by cause. The cause no-engine means that no engine could be chosen.',
    labels: ['cause'],
    values: CAUSES,
  },
  pdgw_router_retries_total: {
    help: 'Retries scheduled, by the cause of the failure before them.',
    labels: ['cause'],
    values: CAUSES,
  },
  pdgw_router_pair_failures_total: {
    help: 'Attempts that failed in the KV transfer between the two engines of their pair.',
    labels: [],
    values: [''],
  },
  pdgw_router_index_displaced_blocks_total: {
    help: 'Blocks of prompts that the index of cached prefixes has forgotten because its memory (policy.indexBytes) was full.',
    labels: [],
    values: [''],
  },
  pdgw_router_index_displaced_idle_seconds_total: {
    help: 'Sum over these blocks of the time since each was last used. Divided by their number: how long the index remembers what is not used.',
    labels: [],
    values: [''],
  },
  pdgw_thread_restarts_total: {
    help: 'Threads that ended and were replaced, including restarts requested by an operator.',
    labels: ['thread'],
    values: ['router', 'control'],
  },
  pdgw_thread_lost_log_lines_total: {
    help: 'Log lines that were lost because the log could not be written and log.bufferBytes was used up.',
    labels: [],
    values: [''],
  },
} as const

/** Observed in seconds. The buckets are configured by `admin.durationBucketsSecs`. */
export const HISTOGRAMS = {
  pdgw_frontend_queue_wait_seconds: {
    help: 'Time that requests spent in the admission queue until they were started or rejected. Requests that did not wait, or whose client left, are not counted.',
  },
  pdgw_router_ttft_seconds: {
    help: 'Time from receiving the head of a streamed request to its first token, including upload, queueing and retries.',
  },
  pdgw_router_request_duration_seconds: {
    help: 'Time from receiving the head of a generation request until a router thread finished it, whatever the outcome, including upload, queueing and retries.',
  },
} as const

/** Set by each thread in its own row and summed. The value of a thread that ends is reset. */
export const GAUGES = {
  pdgw_frontend_open_exchanges: { help: 'Requests that have passed admission and have not finished.' },
  pdgw_frontend_connections: { help: 'Open client connections, including idle ones.' },
  pdgw_frontend_queue_length: { help: 'Requests waiting in the admission queue.' },
  pdgw_control_kv_event_connections: {
    help: 'Engines, or data-parallel ranks, whose KV events are being received.',
  },
  pdgw_control_kv_blocks: { help: 'Cache blocks of all engines that KV events have made known.' },
  pdgw_router_upstream_sockets: {
    help: 'Open connections to engines, including idle ones. Sampled by each router thread with its heartbeat.',
  },
} as const

/** Read from shared memory when metrics are requested; see `GaugeSource`. */
export const READ_GAUGES = {
  pdgw_engine_health: { help: 'Health of the engine: 1 for its current state, 0 for the others.' },
  pdgw_engine_in_flight: { help: 'Requests in flight on the engine. A batch counts once per prompt.' },
  pdgw_engine_others_requests: {
    help: 'Requests that the engine reports beyond those of this gateway, in two reports in a row: from other clients and gateways.',
  },
  pdgw_engine_max_running: {
    help: 'Maximum number of concurrent requests reported by the engine. Absent if it reports none.',
  },
  pdgw_engine_breaker_state: { help: 'State of the circuit breaker: 0 closed, 1 open, 2 half-open.' },
  pdgw_engine_unpaired: {
    help: 'Whether no registered engine of the other role can work with this one (1), so that it gets no requests, or one can (0). Only prefill and decode engines.',
  },
  pdgw_router_pairs_avoided: {
    help: 'Pairs of a prefill and a decode engine that are currently avoided after failed KV transfers.',
  },
  pdgw_router_index_blocks: {
    help: 'Blocks of prompts in the index of cached prefixes. Counted when they are added.',
  },
  pdgw_router_index_max_blocks: {
    help: 'Blocks for which the index of cached prefixes has room (policy.indexBytes).',
  },
  pdgw_router_threads: { help: 'Number of configured router threads.' },
} as const

export type CounterMetric = keyof typeof COUNTERS
export type EngineCounterMetric = keyof typeof ENGINE_COUNTERS
export type HistogramMetric = keyof typeof HISTOGRAMS
export type GaugeMetric = keyof typeof GAUGES
export type ReadGaugeMetric = keyof typeof READ_GAUGES

/** Label value of a counter; the empty string for a counter without labels. */
export type LabelOf<Metric extends CounterMetric> = (typeof COUNTERS)[Metric]['values'][number]
export type EngineLabelOf<Metric extends EngineCounterMetric> =
  (typeof ENGINE_COUNTERS)[Metric]['values'][number]

/** All metrics, sorted by name, for the documentation. */
export function metricTable(): readonly { name: string; type: string; labels: string; help: string }[] {
  const rows = [
    ...rowsOf(COUNTERS, 'counter', []),
    ...rowsOf(ENGINE_COUNTERS, 'counter', ['engine', 'role']),
    ...rowsOf(HISTOGRAMS, 'histogram', []),
    ...rowsOf(GAUGES, 'gauge', []),
    ...rowsOf(READ_GAUGES, 'gauge', []),
  ]
  return rows.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

interface Described {
  readonly help: string
  readonly labels?: readonly string[]
}

function rowsOf(metrics: Readonly<Record<string, Described>>, type: string, first: readonly string[]) {
  return Object.entries(metrics).map(([name, { help, labels = [] }]) => {
    // Engine gauges have the labels of an engine although they are not counted per slot.
    const engineLabels = type === 'gauge' && name.startsWith('pdgw_engine_') ? ['engine', 'role'] : first
    const ownLabels = name === 'pdgw_engine_health' ? ['state'] : labels
    return { name, type, labels: [...engineLabels, ...ownLabels].join(', '), help }
  })
}
