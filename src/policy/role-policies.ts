/** Which policy chooses the engines of each role, and what these policies read of requests. Pure. */
import type { Role } from '../core/engine.ts'
import { POLICIES, type PolicyInput, type PolicyName } from './policies.ts'

/** The configured names. */
export interface ConfiguredPolicies {
  readonly main: PolicyName
  readonly prefill?: PolicyName | undefined
  readonly decode?: PolicyName | undefined
  /** Whether a routing key keeps its engine, whatever the policy. */
  readonly sticky?: boolean | undefined
}

/**
 * Decode engines get the KV cache over the network and compute no prompts, so a main policy that goes by prompts is of no
 * use to them.
 */
export function rolePolicies({ main, prefill, decode }: ConfiguredPolicies): Record<Role, PolicyName> {
  const input = inputOf(main)
  const goesByPrompts = input === 'caches' || input === 'prefix' || input === 'length'
  return {
    prefill: prefill ?? main,
    decode: decode ?? (goesByPrompts ? 'least_load' : main),
    mixed: main,
  }
}

/** Whether the routing key comes before the policy of the role. A policy that goes by keys itself does so in its own way. */
export function isSticky(policies: ConfiguredPolicies, role: Role): boolean {
  return policies.sticky === true && inputOf(rolePolicies(policies)[role]) !== 'key'
}

/** What the policies of these roles read. */
export function inputsOf(policies: ConfiguredPolicies, roles: readonly Role[]): ReadonlySet<PolicyInput> {
  const names = rolePolicies(policies)
  const inputs = new Set(roles.map(role => inputOf(names[role])).filter(input => input !== undefined))
  return roles.some(role => isSticky(policies, role)) ? inputs.add('key') : inputs
}

function inputOf(name: PolicyName): PolicyInput | undefined {
  const kind = POLICIES[name]
  return 'reads' in kind ? kind.reads : undefined
}
