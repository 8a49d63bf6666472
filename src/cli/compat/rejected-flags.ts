/**
 * Flags of other routers that change who is served or what is safe, and that this gateway does not implement. It refuses
 * to start with one of them, so that nobody takes an unprotected gateway for a protected one, or waits for engines that
 * nothing will ever find.
 */
import { variableOf } from '../../config/given-values.ts'
import { type Arity, allOf, type FlagLists, words } from './flag-lists.ts'

interface Rejection {
  readonly reason: string
  readonly flags: Partial<FlagLists>
}

export const REJECTIONS: readonly Rejection[] = [
  {
    reason:
      'authentication and TLS for clients are not supported; use a proxy in front of the gateway for them and remove this setting',
    flags: {
      one: words(
        'api-key jwt-issuer jwt-audience jwt-jwks-uri tls-cert-path tls-key-path client-cert-path client-key-path',
      ),
      many: words('tenant-api-key jwt-role-mapping control-plane-api-keys'),
    },
  },
  {
    reason:
      'engines are not discovered; name them with --prefill, --decode or --worker-urls, or add them at /admin/engines',
    flags: {
      none: ['service-discovery'],
      one: words('discovery-provider discovery-file vllm-discovery-address'),
    },
  },
  {
    reason: 'separate engines for encoding are not supported; use engines that encode themselves',
    flags: { none: ['epd-disaggregation'], many: ['encode'] },
  },
  {
    reason:
      "vLLM's protocol for prefill and decode is not supported; use SGLang engines, or mixed vLLM engines",
    flags: { none: ['vllm-pd-disaggregation'], one: ['kv-connector'] },
  },
  {
    reason:
      'limits per tenant and per second are not supported; use --max-concurrent-requests, or a proxy in front of the gateway',
    flags: {
      none: ['tenant-rate-limit-enabled'],
      one: words(
        'rate-limit-tokens-per-second priority-scheduler-default-max-class priority-scheduler-config',
      ),
    },
  },
  {
    reason:
      'other names for models are not supported; let the engines serve these names (--served-model-name)',
    flags: { many: ['model-alias'] },
  },
  {
    reason:
      'pages of other origins are not served; let a proxy in front of the gateway add the headers of CORS',
    flags: { many: ['cors-allowed-origins'] },
  },
  {
    reason: 'plugins, tools and control endpoints of other routers are not supported; remove this setting',
    flags: {
      none: words('enable-wasm enable-rl'),
      one: words(
        'storage-hook-wasm-path wasm-middleware wasm-middleware-route wasm-middleware-sha256 mcp-config-path',
      ),
    },
  },
]

/** All rejected flags. */
export const REJECTED_FLAGS: FlagLists = {
  none: flagsOf('none'),
  one: flagsOf('one'),
  many: flagsOf('many'),
}

function flagsOf(arity: Arity): string[] {
  return REJECTIONS.flatMap(({ flags }) => flags[arity] ?? [])
}

/** One issue for each rejected flag that was given, on the command line or as a variable. */
export function rejectedFlagIssues(
  given: ReadonlyMap<string, unknown>,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  return REJECTIONS.flatMap(({ reason, flags }) => {
    const names = allOf({ none: [], one: [], many: [], ...flags })
    const options = names.filter(name => given.has(name)).map(name => `flag --${name}`)
    const variables = names
      .map(variableOf)
      .filter(name => isSet(env[name]))
      .map(name => `variable ${name}`)
    return [...options, ...variables].map(source => `${source}: ${reason}`)
  })
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !/^(|0|false|no|off)$/i.test(value)
}
