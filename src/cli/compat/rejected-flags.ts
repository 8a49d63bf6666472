/**
 * Flags of the Rust router that guard or encrypt, which this gateway does not do yet. It refuses to start with one of
 * them: an operator who gave it would take an open door for a closed one.
 */
import { variableOf } from '../../config/flags.ts'
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
const WHY =
  'this gateway neither asks for keys nor speaks TLS to clients yet; put it behind a proxy that does, and leave this out'

/** One sentence for each guard that was asked for, by flag or variable. */
export function rejectedFlagIssues(
  given: ReadonlyMap<string, unknown>,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const flags = ALL.filter(flag => given.has(flag)).map(flag => `flag --${flag}`)
  const variables = ALL.map(variableOf)
    .filter(name => env[name] !== undefined && env[name] !== '')
    .map(name => `variable ${name}`)
  return [...flags, ...variables].map(source => `${source}: ${WHY}`)
}
