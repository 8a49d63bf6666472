/** What to read of requests for the policies that are configured: a request does not pay for what none of them reads. */
import type { Config } from '../../src/config/config.ts'
import { neededRoles } from '../../src/config/engines.ts'
import { inputsOf } from '../../src/policy/role-policies.ts'
import type { FieldOptions } from '../request/fields.ts'

export interface RequestReading {
  /** What to read of the body, and the bounds of it. */
  readonly fieldOptions: FieldOptions
  /** Headers that may have the routing key, in lower case; `undefined` if no policy goes by keys. */
  readonly keyHeaders: readonly string[] | undefined
}

const PROMPT_INPUTS = ['caches', 'prefix', 'length', 'size'] as const

/** Worked out once per thread. */
export function requestReading(config: Pick<Config, 'policy' | 'engines' | 'limits'>): RequestReading {
  const { policy, limits, engines } = config
  const inputs = inputsOf(policy, neededRoles(config))
  const { members, prompts, scanBytes, nameBytes } = limits
  const wantsKey = inputs.has('key')
  return {
    fieldOptions: {
      members,
      prompts,
      scanBytes,
      nameBytes,
      isForPairs: engines.mode === 'pd',
      wantsPrompt: PROMPT_INPUTS.some(input => inputs.has(input)),
      keyPaths: wantsKey ? policy.keyFields.map(path => path.split('.')) : undefined,
    },
    keyHeaders: wantsKey ? policy.keyHeaders : undefined,
  }
}
