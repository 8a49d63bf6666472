/** Shared memory as policies see it. */
import type { NowMs } from '../../src/core/clock.ts'
import type { Role } from '../../src/core/engine.ts'
import type { Random } from '../../src/core/random.ts'
import type { PolicyView } from '../../src/policy/policy.ts'
import type { SharedCounters } from '../../src/shared/counters.ts'
import type { EngineCaches } from '../../src/shared/engine-caches.ts'
import type { EngineSlots } from '../../src/shared/engine-slots.ts'

export interface PolicyInputs {
  readonly slots: Pick<EngineSlots, 'inFlight'>
  readonly others: Pick<EngineSlots, 'othersRequests' | 'othersPromptBytes'>
  readonly caches: Pick<EngineCaches, 'work' | 'recent'>
  readonly counters: Pick<SharedCounters, 'next'>
  readonly random: Random
  /** On the process clock. */
  readonly nowMs: NowMs
}

/** Each role has a counter of its own. */
export function policyViews({
  slots,
  others,
  caches,
  counters,
  random,
  nowMs,
}: PolicyInputs): Record<Role, PolicyView> {
  const viewOf = (role: Role): PolicyView => ({
    random,
    reason: 'only',
    inFlight: slot => slots.inFlight(slot),
    work: slot => caches.work(slot),
    othersRequests: slot => others.othersRequests(slot),
    othersPromptBytes: slot => others.othersPromptBytes(slot),
    recentWork: (slot, second) => caches.recent(slot, second),
    second: () => Math.floor(nowMs() / 1000),
    next: () => counters.next(role),
  })
  return { prefill: viewOf('prefill'), decode: viewOf('decode'), mixed: viewOf('mixed') }
}
