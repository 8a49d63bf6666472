/**
 * Every metric there is, with its help and the values that its labels may have. Nothing else may be counted or shown.
 *
 * A label is bounded: never a model's name, a URL of a client, a message. Engines are named by `engine` (URL) and
 * `role`, which come from the registry and are as many as it has.
 */
import { ERROR_CODES } from '../core/errors.ts'

/** Causes of failed attempts, as `workers/classify/failure.ts` tells them apart. */
const CAUSES = [
  'status',
  'transport',
  'stale-socket',
  'error-event',
  'abort',
  'stalled',
  'no-token',
  'token-mismatch',
  'protocol',
  'no-engine',
  'local',
] as const

const OUTCOMES = ['ok', 'client-error', 'engine-error', 'gateway-error', 'broken', 'aborted'] as const
export type RequestOutcome = (typeof OUTCOMES)[number]

/** `<endpoint> <outcome>`: two labels in one key, so that one look finds the cell. */
const BY_ENDPOINT = (['generate', 'chat', 'completions'] as const).flatMap(endpoint =>
  OUTCOMES.map(outcome => `${endpoint} ${outcome}` as const),
)

/** Counted by any thread, summed over all. `labels` names the parts of a value, which are parted by blanks. */
export const COUNTERS = {
  pdgw_frontend_refused_total: {
    help: 'Requests that the front end answered with an error of its own, by error code.',
    labels: ['reason'],
    values: ERROR_CODES,
  },
  pdgw_frontend_lost_exchanges_total: {
    help: 'Requests whose router thread ended: saved, opened on another one; failed, ended with an error.',
    labels: ['outcome'],
    values: ['saved', 'failed'],
  },
  pdgw_frontend_stalled_clients_total: {
    help: 'Clients that were cut off because they took nothing of their answer.',
    labels: [],
    values: [''],
  },
  pdgw_router_requests_total: {
    help: 'Requests for tokens that have ended: ok, refused with 4xx, failed by an engine or by the gateway, broken after the first token, aborted by the client.',
    labels: ['endpoint', 'outcome'],
    values: BY_ENDPOINT,
  },
  pdgw_router_attempts_total: {
    help: 'Attempts started: each is one try of a request on one pair of engines.',
    labels: [],
    values: [''],
  },
  pdgw_router_attempt_failures_total: {
    help: 'Attempts that failed, before or after the first token, by cause; no-engine: none could be chosen.',
    labels: ['cause'],
    values: CAUSES,
  },
  pdgw_router_retries_total: {
    help: 'Further attempts decided on, by the cause that the one before failed for.',
    labels: ['cause'],
    values: CAUSES,
  },
  pdgw_router_pair_failures_total: {
    help: 'Attempts that failed in the transfer between their two engines.',
    labels: [],
    values: [''],
  },
  pdgw_thread_restarts_total: {
    help: 'Threads that ended unasked and were replaced.',
    labels: ['thread'],
    values: ['router', 'control'],
  },
} as const

/** Counted for each engine by its slot. */
export const ENGINE_COUNTERS = {
  pdgw_engine_attempts_total: {
    help: 'Legs of attempts started on the engine.',
    labels: [],
    values: [''],
  },
  pdgw_engine_unsent_legs_total: {
    help: 'Of these, legs of which nothing was written: no connection came about, or the other leg failed first.',
    labels: [],
    values: [''],
  },
  pdgw_engine_failures_total: {
    help: 'Failed attempts that are charged to the engine, by cause.',
    labels: ['cause'],
    values: CAUSES,
  },
  pdgw_engine_breaker_transitions_total: {
    help: 'Changes of the circuit breaker, by the state that it went to.',
    labels: ['to'],
    values: ['closed', 'open', 'half-open'],
  },
} as const

/** Observed in seconds; buckets as configured. */
export const HISTOGRAMS = {
  pdgw_frontend_queue_wait_seconds: {
    help: 'Wait of requests in the queue, until their turn or their refusal; those that did not wait are not in it.',
  },
  pdgw_router_ttft_seconds: {
    help: 'From the start of a streamed request in its thread to its first token.',
  },
  pdgw_router_request_duration_seconds: {
    help: 'From the start of a request in its thread to its last byte, however it ended.',
  },
} as const

/** Set by threads, each in its own row, and summed; a thread's value goes with it. */
export const GAUGES = {
  pdgw_frontend_open_exchanges: { help: 'Requests handed to router threads and not over.' },
  pdgw_frontend_queue_length: { help: 'Requests that wait for capacity.' },
  pdgw_router_upstream_sockets: {
    help: 'Connections to engines, idle ones included, as of the last second or two.',
  },
} as const

/** Read off shared memory when somebody asks: see `GaugeSource`. */
export const READ_GAUGES = {
  pdgw_engine_health: { help: '1 for the state that the engine is in, 0 for the others.' },
  pdgw_engine_in_flight: { help: 'Legs sent to the engine and not ended.' },
  pdgw_engine_max_running: { help: 'Requests that the engine runs at once, where it told.' },
  pdgw_engine_breaker_state: { help: 'Circuit breaker: 0 closed, 1 open, 2 half-open.' },
  pdgw_router_pairs_avoided: {
    help: 'Pairs of engines whose link is not used for now, after failed transfers.',
  },
  pdgw_router_threads: { help: 'Router threads configured.' },
} as const

export type CounterMetric = keyof typeof COUNTERS
export type EngineCounterMetric = keyof typeof ENGINE_COUNTERS
export type HistogramMetric = keyof typeof HISTOGRAMS
export type GaugeMetric = keyof typeof GAUGES
export type ReadGaugeMetric = keyof typeof READ_GAUGES

/** Value of the label of a counter; the empty one when it has none. */
export type LabelOf<Metric extends CounterMetric> = (typeof COUNTERS)[Metric]['values'][number]
export type EngineLabelOf<Metric extends EngineCounterMetric> =
  (typeof ENGINE_COUNTERS)[Metric]['values'][number]

/** All metrics by name, for the documentation. */
export function metricTable(): readonly { name: string; type: string; labels: string; help: string }[] {
  const rows = [
    ...rowsOf(COUNTERS, 'counter', []),
    ...rowsOf(ENGINE_COUNTERS, 'counter', ['engine', 'role']),
    ...rowsOf(HISTOGRAMS, 'histogram', []),
    ...rowsOf(GAUGES, 'gauge', []),
    ...rowsOf(READ_GAUGES, 'gauge', []),
  ]
  return rows.toSorted((one, other) => (one.name < other.name ? -1 : 1))
}

interface Described {
  readonly help: string
  readonly labels?: readonly string[]
}

function rowsOf(metrics: Readonly<Record<string, Described>>, type: string, first: readonly string[]) {
  return Object.entries(metrics).map(([name, { help, labels = [] }]) => {
    // The engine gauges have the labels of engines, though nobody counts them.
    const own = type === 'gauge' && name.startsWith('pdgw_engine_') ? ['engine', 'role'] : first
    const more = name === 'pdgw_engine_health' ? ['state'] : labels
    return { name, type, labels: [...own, ...more].join(', '), help }
  })
}
