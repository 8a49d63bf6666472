/** What is asked for, together with what is known of the target: one checked plan a level. */
import { checkDescriptors } from '../load/descriptors.ts'
import { type LoadPlan, type PlanInput, planSchema } from '../load/plan.ts'
import type { Target } from './target.ts'

export interface BenchLevel {
  readonly name: string
  readonly load: Omit<PlanInput, 'url'>
}

export interface PlannedLevel {
  readonly name: string
  readonly plan: LoadPlan
}

/** What a level asks for itself wins. @throws Error of one line when something asked for cannot be. */
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
    // Before the first level, not after an hour of them.
    checkDescriptors(data)
    return data
  }
  throw new Error(error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
}
