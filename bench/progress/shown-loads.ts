/** Shows loads that run one after the other, each from its own beginning. */
import type { LoadPlan } from '../load/plan.ts'
import type { LoadCollector } from '../load/result.ts'
import type { Progress } from './progress.ts'
import { LoadWatch } from './progress-state.ts'

export class ShownLoads {
  readonly #progress: Progress
  #watched: { readonly collector: LoadCollector; readonly watch: LoadWatch } | undefined

  constructor(progress: Progress) {
    this.#progress = progress
  }

  /** Every load has a collector of its own. */
  show(name: string, plan: LoadPlan, collector: LoadCollector): void {
    if (this.#watched?.collector !== collector)
      this.#watched = { collector, watch: new LoadWatch(name, plan) }
    this.#progress.show(this.#watched.watch.look(collector, performance.now()))
  }

  clear(): void {
    this.#progress.clear()
  }
}
