/** Shows the progress of loads that run one after the other. */
import type { LoadPlan } from '../load/plan/plan.ts'
import type { LoadCollector } from '../load/records/result.ts'
import type { Progress } from './progress.ts'
import { ProgressTracker } from './progress-state.ts'

export class ShownLoads {
  readonly #progress: Progress
  #shown: { readonly collector: LoadCollector; readonly tracker: ProgressTracker } | undefined

  constructor(progress: Progress) {
    this.#progress = progress
  }

  /** Each load has its own collector; a new one starts a new progress state. */
  show(name: string, plan: LoadPlan, collector: LoadCollector): void {
    if (this.#shown?.collector !== collector)
      this.#shown = { collector, tracker: new ProgressTracker(name, plan) }
    this.#progress.show(this.#shown.tracker.update(collector, performance.now()))
  }

  clear(): void {
    this.#progress.clear()
  }
}
