/** Combines the requested levels with what is known about the target into a validated plan for each level. */
import { checkDescriptors } from '../load/plan/descriptors.ts'
import { type LoadPlan, type PlanInput, planSchema } from '../load/plan/plan.ts'
import type { Target } from './target.ts'

export interface BenchLevel {
  readonly name: string
  readonly load: Omit<PlanInput, 'url'>
}

export interface PlannedLevel {
  readonly name: string
  readonly plan: LoadPlan
}

/** Settings of a level override those of the target. @throws Error with a single line when a plan is invalid. */
export function plansOf(url: string, levels: readonly BenchLevel[], target: Target): PlannedLevel[] {
  return levels.map(({ name, load }) => ({ name, plan: planOf({ ...known(target), ...load, url }) }))
}

function known({ model, scriptSeed }: Target): Partial<PlanInput> {
  return {
    ...(model === undefined ? {} : { model }),
    ...(scriptSeed === undefined ? {} : { scriptSeed }),
  }
}

function planOf(input: PlanInput): LoadPlan {
  const { success, data, error } = planSchema.safeParse(input)
  if (success) {
    // Checked before the first level, not after an hour of load.
    checkDescriptors(data)
    return data
  }
  throw new Error(error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
}
