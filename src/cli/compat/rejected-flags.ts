/**
 * Flags of SGLang's Rust routers that enable authentication or TLS, which this gateway does not support. It refuses to
 * start with one of them, so that an unprotected gateway is never mistaken for a protected one.
 */
import { variableOf } from '../../config/given-values.ts'
import type { Arity } from './ignored-flags.ts'

export const REJECTED_FLAGS: Readonly<Record<Arity, readonly string[]>> = {
  none: [],
  one: [
    'api-key',
    'jwt-issuer',
    'jwt-audience',
    'jwt-jwks-uri',
    'tls-cert-path',
    'tls-key-path',
    'client-cert-path',
    'client-key-path',
  ],
  many: ['tenant-api-key', 'jwt-role-mapping', 'control-plane-api-keys'],
}

const ALL = Object.values(REJECTED_FLAGS).flat()
const REASON =
  'authentication and TLS for clients are not supported; use a proxy in front of the gateway for them and remove this setting'

/** One issue for each rejected flag that was given, on the command line or as a variable. */
export function rejectedFlagIssues(
  given: ReadonlyMap<string, unknown>,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const flags = ALL.filter(flag => given.has(flag)).map(flag => `flag --${flag}`)
  const variables = ALL.map(variableOf)
    .filter(name => env[name] !== undefined && env[name] !== '')
    .map(name => `variable ${name}`)
  return [...flags, ...variables].map(source => `${source}: ${REASON}`)
}
