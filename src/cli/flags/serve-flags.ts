/**
 * Table of every flag that has an effect: its shape, its config key and its group in the help.
 *
 * The names are those of SGLang's Rust routers, so that their command lines start this gateway. Help and default of a
 * flag come from its config key, unless the flag means something else.
 */
import { MAX_WAIT_MS } from '../../config/clients.ts'
import { type GivenValue, numberOrText } from '../../config/given-values.ts'
import { levelOf, toMs } from '../compat/values.ts'
import { type CliFlag, type CliOption, count, text } from './cli-option.ts'
import { engineList, prefillList } from './engine-list.ts'
import { POLICY_FLAGS } from './policy-flags.ts'

const MODES = ['mixed', 'pd'] as const

/** A flag of smg 1.13.0 in seconds whose key is in milliseconds. */
const seconds = (flag: string, path: string, help: string, disabled = MAX_WAIT_MS) =>
  ({
    flag,
    shape: 'number',
    path: path.split('.'),
    placeholder: 'seconds',
    help: `${help} Sets ${path}.`,
    convert: (given: GivenValue) => toMs(given, disabled),
    shownDefault: (ms: unknown) => (typeof ms === 'number' ? ms / 1000 : ms),
  }) as const

/** A variable set to `false` has no effect. Other text is passed on, so that the schema rejects it. */
const unlessFalse = (given: GivenValue) => (given === false ? undefined : given)

/** A flag that turns something off: it sets its key to the value that means that. */
const off = (flag: string, path: string, help: string, value: false | 0 = false) =>
  ({
    flag,
    shape: 'flag',
    path: path.split('.'),
    help,
    convert: (on: GivenValue) => (on === true ? value : unlessFalse(on)),
  }) as const

/** Reads a list of the command line; what a variable or the config file gives is left as it is. */
function listed(read: (given: readonly string[]) => unknown) {
  return (given: GivenValue): unknown => (Array.isArray(given) ? read(given) : given)
}

const GROUPS: Record<string, readonly CliFlag[]> = {
  'Server:': [
    text('host', 'server.host', 'address'),
    count('port', 'server.port'),
    count('workers', 'server.workers'),
    count('max-payload-size', 'limits.bodyBytes', 'bytes'),
    { flag: 'request-id-headers', shape: 'list', path: ['server', 'requestIdHeaders'], placeholder: 'name' },
    { flag: 'route-headers', shape: 'flag', path: ['server', 'routeHeaders'] },
    count('shutdown-settle-secs', 'server.shutdownSettleSecs', 'seconds'),
    count('shutdown-grace-period-secs', 'server.shutdownGraceSecs', 'seconds'),
  ],
  'Engines:': [
    {
      flag: 'pd-disaggregation',
      shape: 'flag',
      path: ['engines', 'mode'],
      help: 'Send each request to a prefill and a decode engine. This is the default if --prefill or --decode is given.',
      convert: on => (typeof on === 'boolean' ? MODES[Number(on)] : on),
    },
    {
      flag: 'prefill',
      shape: 'list',
      path: ['engines', 'prefill'],
      placeholder: 'url port|none',
      help: 'Prefill engine, followed by the port of its bootstrap server. Without a port, or with none, the gateway asks the engine, and takes 8998 if it does not say. Repeatable.',
      convert: listed(prefillList),
    },
    {
      flag: 'decode',
      shape: 'list',
      path: ['engines', 'decode'],
      placeholder: 'url',
      help: 'Decode engine. Repeatable.',
      convert: listed(engineList),
    },
    {
      flag: 'worker-urls',
      shape: 'list',
      path: ['engines', 'mixed'],
      placeholder: 'url',
      help: 'Mixed engine, which does both prefill and decode. Selects mode mixed. Repeatable.',
      convert: listed(engineList),
    },
    { flag: 'ca-cert-paths', shape: 'list', path: ['upstream', 'caFiles'], placeholder: 'file' },
    count('worker-startup-timeout-secs', 'engines.startupTimeoutSecs', 'seconds'),
    text('engine-api-key', 'engines.apiKey', 'key'),
    count('load-monitor-interval', 'engines.loadIntervalSecs', 'seconds'),
    off('disable-load-monitoring', 'engines.loadIntervalSecs', 'Do not ask engines for their load.', 0),
    text('pair-versions', 'engines.pairVersions', 'same|any'),
    text('data-parallel-ranks', 'engines.dataParallelRanks', 'auto|off'),
    count('intra-node-data-parallel-size', 'engines.vllmDataParallelSize'),
    count('worker-startup-check-interval', 'engines.startupCheckIntervalSecs', 'seconds'),
  ],
  'Load balancing:': POLICY_FLAGS,
  'Retry:': [
    count('retry-max-retries', 'retry.maxRetries'),
    count('retry-initial-backoff-ms', 'retry.initialBackoffMs', 'ms'),
    count('retry-max-backoff-ms', 'retry.maxBackoffMs', 'ms'),
    count('retry-backoff-multiplier', 'retry.backoffMultiplier', 'factor'),
    count('retry-jitter-factor', 'retry.jitterFactor', 'share'),
    count('retry-budget-share', 'retry.budgetShare', 'share'),
    count('retry-budget-floor', 'retry.budgetFloorPerSec'),
    text('retry-over-budget', 'retry.overBudget', 'fail|wait'),
    off('disable-retries', 'retry.maxRetries', 'Disable retries: each request gets a single attempt.', 0),
  ],
  'Circuit breaker:': [
    count('cb-failure-threshold', 'breaker.failureThreshold'),
    count('cb-success-threshold', 'breaker.successThreshold'),
    count('cb-timeout-duration-secs', 'breaker.openSecs', 'seconds'),
    count('cb-window-duration-secs', 'breaker.windowSecs', 'seconds'),
    off('disable-circuit-breaker', 'breaker.enabled', 'Disable the circuit breakers of all engines.'),
  ],
  'Admission:': [
    count('max-concurrent-requests', 'admission.maxConcurrentRequests'),
    count('queue-size', 'admission.queueSize'),
    count('queue-timeout-secs', 'admission.queueTimeoutSecs', 'seconds'),
  ],
  'Timeouts:': [
    count('request-timeout-secs', 'timeouts.totalSecs', 'seconds'),
    count('engine-wait-ms', 'timeouts.engineWaitMs', 'ms'),
    count('connect-timeout-ms', 'timeouts.connectMs', 'ms'),
    count('first-token-timeout-ms', 'timeouts.firstTokenMs', 'ms'),
    count('idle-timeout-ms', 'timeouts.idleMs', 'ms'),
    text('abort-mode', 'upstream.abortMode', 'mode'),
    seconds(
      'header-read-timeout-secs',
      'timeouts.clientHeadMs',
      'Time within which a new client connection must send its first request head. 0 means a day.',
    ),
    seconds(
      'idle-connection-timeout-secs',
      'timeouts.clientIdleMs',
      'Time that a client connection is kept without a request. Must be longer than the load balancer in front keeps it. 0 means a day.',
    ),
    seconds(
      'stream-body-stall-timeout-secs',
      'timeouts.bodyMs',
      'Time within which a client must go on sending its request body. 0 means a day.',
    ),
    seconds(
      'sse-keepalive-secs',
      'timeouts.heartbeatMs',
      'Interval of SSE comments to the client of a stream that waits for its first token. 0 disables them.',
      0,
    ),
    seconds(
      'upstream-pool-idle-timeout-secs',
      'upstream.keepAliveMs',
      'Time after which an idle engine connection is closed. Must be less than the 5 s of uvicorn. 0 means a day.',
    ),
  ],
  'Health probes:': [
    count('health-failure-threshold', 'health.failureThreshold'),
    count('health-success-threshold', 'health.successThreshold'),
    count('health-check-timeout-secs', 'health.timeoutSecs', 'seconds'),
    count('health-check-interval-secs', 'health.intervalSecs', 'seconds'),
    text('health-check-endpoint', 'health.endpoint', 'path'),
    off(
      'disable-health-check',
      'health.enabled',
      'Disable health probes. Every registered engine is considered healthy.',
    ),
  ],
  'Metrics and administration:': [
    text('prometheus-host', 'admin.host', 'address'),
    count('prometheus-port', 'admin.port'),
    count('health-check-port', 'admin.healthPort'),
    {
      flag: 'prometheus-duration-buckets',
      shape: 'list',
      path: ['admin', 'durationBucketsSecs'],
      placeholder: 'seconds',
      convert: listed(given => given.map(numberOrText)),
    },
    text('admin-key', 'admin.key', 'key'),
    { flag: 'admin-allowed-hosts', shape: 'list', path: ['admin', 'allowedHosts'], placeholder: 'name' },
    { flag: 'admin-allow-remote-changes', shape: 'flag', path: ['admin', 'allowRemoteChanges'] },
  ],
  'Logging:': [
    { ...text('log-level', 'log.level', 'level'), convert: levelOf },
    { flag: 'log-json', shape: 'flag', path: ['log', 'json'] },
    text('log-dir', 'log.dir', 'directory'),
  ],
}

export const OPTIONS: readonly CliOption[] = Object.entries(GROUPS).flatMap(([group, options]) =>
  options.map(option => Object.assign({ group }, option)),
)
