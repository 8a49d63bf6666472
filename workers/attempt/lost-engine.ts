/** Ends the leg of an attempt whose engine is not waited for any longer. */
import type { Engine, LostEngine } from '../../src/core/engine.ts'
import { lostFailure } from '../classify/observed-failure.ts'
import type { DecodeLeg } from './decode-leg.ts'
import type { AttemptPlan } from './plan.ts'
import type { PrefillLeg } from './prefill-leg.ts'

/** Does nothing if no leg is on the engine, or if that leg is over. */
export function failLegOn(
  lost: LostEngine,
  plan: Pick<AttemptPlan, 'prefill' | 'decode'>,
  legs: { readonly prefill: Pick<PrefillLeg, 'fail'>; readonly decode: Pick<DecodeLeg, 'fail'> },
): void {
  if (isSame(plan.decode, lost)) legs.decode.fail(lostFailure('decode', lost))
  if (isSame(plan.prefill, lost)) legs.prefill.fail(lostFailure('prefill', lost))
}

/** A slot may have been given to another engine. */
function isSame(engine: Engine | undefined, { slot, generation }: LostEngine): boolean {
  return engine?.slot === slot && engine.generation === generation
}
