/**
 * Flags of other routers (sglang-router 0.3.2, smg 1.13.0, vllm-router 0.1.17) that are accepted but have no effect, so
 * that their command lines start this gateway. They tune something, set up what another flag turns on, or ask for extras
 * such as traces and audit logs. Flags that change who is served or what is safe are in `rejected-flags.ts`.
 *
 * The list is explicit, because a flag in no list is an error: a typo must not pass silently.
 */
import { allOf, type FlagLists, words } from './flag-lists.ts'

export const IGNORED_FLAGS: FlagLists = {
  none: words(`
    dp-minimum-tokens-scheduler engine-metrics trust-tenant-header
    priority-scheduler-enabled remove-unhealthy-workers worker-auto-recovery
    disable-tokenizer-autoload tokenizer-cache-enable-l0 tokenizer-cache-enable-l1
    disable-worker-overload-protection worker-overload-protection worker-overload-shed
    upstream-http2 enable-trace enable-mesh disable-audit-logging control-plane-audit-enabled
    enable-program-scheduling log-mm-timing mm-allow-private-media-hosts mm-pixel-rdma oracle-external-auth`),
  one: words(`
    cache-boundaries cache-index cache-ttl-secs
    balance-token-usage-threshold overload-token-usage-threshold eviction-interval eviction-interval-secs
    max-tree-size block-size
    least-load-kv-pressure-weight least-load-default-throughput least-load-mean-prefill-tokens
    least-load-max-waiting-requests power-of-two-load-metric
    selection-accounting-ttl-ms selection-policy selection-temperature overlap-decay
    router-temperature kv-index kv-penalty-disk kv-penalty-external kv-penalty-host
    kv-aware-session-affinity-ttl-secs kv-event-block-size kv-event-model kv-event-source kv-event-replay-source
    pd-kv-events kv-connector-annotation kv-engine-id-annotation program-scheduling-config-json zmq-engine-count
    encode-policy worker-startup-delay worker-startup-delay-secs
    worker-overload-token-usage worker-overload-waiting-requests worker-stale-secs worker-stall-secs
    worker-wedge-secs worker-warmup-blocks worker-warmup-divert-every worker-warmup-secs worker-warmup-share
    worker-warmup-thin-ratio pd-admission-wait-secs prefill-max-inflight-requests-per-worker prefill-queue-size
    prefill-queue-timeout-secs job-queue-capacity job-queue-concurrency
    service-discovery-port service-discovery-namespace discovery-check-interval-secs model-id-from
    tenant-header-name tenant-rate-limit-config priority-scheduler-tenant-metric-top-n jwt-role-claim
    drain-settle-secs max-buffered-request-bytes max-background-responses model model-path tokenizer-path chat-template
    tokenizer-cache-l0-max-entries tokenizer-cache-l0-max-memory tokenizer-cache-l1-max-memory
    reasoning-parser tool-call-parser parser schema-config otlp-traces-endpoint jemalloc-prof-dir
    history-memory-max-items history-memory-max-responses history-memory-retention-secs
    oracle-connect-descriptor oracle-password oracle-pool-max oracle-pool-min oracle-pool-timeout-secs
    oracle-tns-alias oracle-username oracle-wallet-path postgres-db-url postgres-op-timeout-secs postgres-pool-max
    redis-op-timeout-secs redis-pool-max redis-retention-days redis-url
    mm-allowed-media-domains mm-per-request-image-limit mm-pixel-cache-mb mm-processing
    multimodal-max-inflight-bytes multimodal-shm-min-bytes multimodal-tensor-transport
    rdma-listen-ip rdma-slot-ttl-s rl-control-timeout-secs rl-fanout-concurrency
    mesh-server-name mesh-host mesh-advertise-host mesh-port
    mesh-tls-ca-cert mesh-tls-cert mesh-tls-key runtime-worker-threads
    backend runtime history-backend`),
  many: words(`
    selector prefill-selector decode-selector encode-selector router-selector
    storage-context-headers mesh-peer-urls`),
}

/**
 * Flags that ask for what this gateway does anyway. They are left out without a warning. `mini-lb`: plain PD routing;
 * `enable-igw`: several models in one fleet; `dp-aware`: choosing data-parallel ranks; the others: an unhealthy engine
 * stays registered.
 */
export const NEEDLESS_FLAGS: readonly string[] = words(
  'mini-lb enable-igw dp-aware no-remove-unhealthy-workers no-worker-auto-recovery',
)

/** Flags of this gateway for the same thing in another way. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ['max-tree-size', 'index-bytes'],
  ['pd-kv-events', 'kv-events'],
  ['kv-event-source', 'kv-events'],
])

/** Warning for an operator who gave ignored flags. Empty if there are none. */
export function ignoredFlagWarnings(given: ReadonlyMap<string, unknown>): string[] {
  const flags = allOf(IGNORED_FLAGS).filter(flag => given.has(flag))
  return flags.length === 0 ? [] : [`ignored flags: ${flags.map(named).join(' ')}`]
}

function named(flag: string): string {
  const instead = INSTEAD.get(flag)
  return instead === undefined ? `--${flag}` : `--${flag} (instead: --${instead})`
}
