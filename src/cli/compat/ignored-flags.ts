/**
 * Flags of SGLang's Rust routers that are accepted but have no effect, so that their command lines start this gateway.
 *
 * The list is explicit and includes the arity, because a flag in no list is an error: a typo must not pass silently.
 */

export type Arity = 'none' | 'one' | 'many'

export const IGNORED_FLAGS: Readonly<Record<Arity, readonly string[]>> = {
  none: words(`
    dp-aware routing-key-override enable-igw dp-minimum-tokens-scheduler epd-disaggregation engine-metrics service-discovery
    trust-tenant-header priority-scheduler-enabled tenant-rate-limit-enabled
    remove-unhealthy-workers disable-tokenizer-autoload tokenizer-cache-enable-l0 tokenizer-cache-enable-l1
    enable-wasm enable-trace enable-mesh disable-audit-logging`),
  one: words(`
    health-check-port cache-threshold balance-abs-threshold balance-rel-threshold balance-token-usage-threshold
    overload-token-usage-threshold eviction-interval eviction-interval-secs max-tree-size block-size max-idle-secs
    assignment-mode prefix-token-count prefix-hash-load-factor least-load-kv-pressure-weight
    least-load-default-throughput least-load-mean-prefill-tokens bucket-adjust-interval-secs
    encode-policy worker-startup-delay worker-startup-delay-secs load-monitor-interval
    service-discovery-port service-discovery-namespace model-id-from
    tenant-header-name
    rate-limit-tokens-per-second priority-scheduler-default-max-class priority-scheduler-config
    priority-scheduler-tenant-metric-top-n tenant-rate-limit-config
    drain-settle-secs model-path tokenizer-path chat-template
    tokenizer-cache-l0-max-entries tokenizer-cache-l1-max-memory reasoning-parser tool-call-parser mcp-config-path
    backend runtime history-backend storage-hook-wasm-path schema-config otlp-traces-endpoint
    intra-node-data-parallel-size mesh-server-name mesh-host mesh-advertise-host mesh-port
    runtime-worker-threads jwt-role-claim`),
  many: words(`
    encode selector prefill-selector decode-selector encode-selector router-selector model-alias
    request-id-headers cors-allowed-origins storage-context-headers mesh-peer-urls`),
}

/** Warning for an operator who gave `flags` of this list. Empty if there are none. */
export function ignoredFlagWarnings(flags: readonly string[]): string[] {
  return flags.length === 0 ? [] : [`ignored flags: ${flags.map(flag => `--${flag}`).join(' ')}`]
}

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
