/** Makes the policy of each role from the configuration and shared memory. */
import type { Config } from '../../src/config/config.ts'
import type { Role } from '../../src/core/engine.ts'
import { mix } from '../../src/core/random.ts'
import type { LengthShares } from '../../src/policy/bucket.ts'
import type { KeyAssignments } from '../../src/policy/manual.ts'
import { POLICIES } from '../../src/policy/policies.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { rolePolicies } from '../../src/policy/role-policies.ts'

/** What policies keep in shared memory. */
export interface PolicyMemory {
  readonly sticky: KeyAssignments
  readonly lengths: LengthShares
}

const ROLES = ['prefill', 'decode', 'mixed'] as const

export function createPolicies(config: Config['policy'], memory: PolicyMemory): Record<Role, Policy> {
  const names = rolePolicies(config)
  const policyOf = (role: Role): Policy =>
    POLICIES[names[role]].create({
      role,
      options: config,
      assignments: assignmentsOf(role, memory.sticky),
      lengths: memory.lengths,
    })
  return { prefill: policyOf('prefill'), decode: policyOf('decode'), mixed: policyOf('mixed') }
}

/** A key has an engine of each role. */
function assignmentsOf(role: Role, sticky: KeyAssignments): KeyAssignments {
  const salt = mix(1 + ROLES.indexOf(role))
  return {
    slotOf: key => sticky.slotOf(key ^ salt),
    assign: (key, slot) => sticky.assign(key ^ salt, slot),
  }
}
