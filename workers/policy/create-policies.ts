/** Makes the policy of each role from the configuration and shared memory. */
import type { Config } from '../../src/config/config.ts'
import type { Role } from '../../src/core/engine.ts'
import { mix } from '../../src/core/random.ts'
import type { LengthShares } from '../../src/policy/bucket.ts'
import { POLICIES } from '../../src/policy/policies.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { isSticky, rolePolicies } from '../../src/policy/role-policies.ts'
import { type KeyAssignments, sticky } from '../../src/policy/sticky.ts'

/** What policies keep in shared memory. */
export interface PolicyMemory {
  readonly sticky: KeyAssignments
  readonly lengths: LengthShares
}

const ROLES = ['prefill', 'decode', 'mixed'] as const

export function createPolicies(config: Config['policy'], memory: PolicyMemory): Record<Role, Policy> {
  const names = rolePolicies(config)
  const policyOf = (role: Role): Policy => {
    const assignments = assignmentsOf(role, memory.sticky)
    const policy = POLICIES[names[role]].create({
      role,
      options: config,
      assignments,
      lengths: memory.lengths,
    })
    return isSticky(config, role) ? sticky(policy, config, assignments) : policy
  }
  return { prefill: policyOf('prefill'), decode: policyOf('decode'), mixed: policyOf('mixed') }
}

/** A key has an engine of each role. */
function assignmentsOf(role: Role, ofAll: KeyAssignments): KeyAssignments {
  const salt = mix(1 + ROLES.indexOf(role))
  return {
    slotOf: key => ofAll.slotOf(key ^ salt),
    assign: (key, slot) => ofAll.assign(key ^ salt, slot),
  }
}
