/** Samples of each load and router, or the reason why a router could not be measured. */
import type { RouterSample } from './sample.ts'

export interface Outcome {
  readonly samples: RouterSample[]
  /** Why the router could not be installed, started or measured. */
  failure: string | undefined
}

export class Results {
  /** Load -> router -> outcome. */
  readonly #outcomes = new Map<string, Map<string, Outcome>>()

  of(load: string): ReadonlyMap<string, Outcome> {
    return this.#outcomes.get(load) ?? new Map()
  }

  add(load: string, router: string, sample: RouterSample): void {
    this.#outcome(load, router).samples.push(sample)
  }

  /** Keeps the first failure: later ones follow from it. */
  fail(load: string, router: string, failure: string): void {
    this.#outcome(load, router).failure ??= failure
  }

  hasFailed(load: string, router: string): boolean {
    return this.#outcomes.get(load)?.get(router)?.failure !== undefined
  }

  #outcome(load: string, router: string): Outcome {
    const routers = this.#outcomes.get(load) ?? new Map<string, Outcome>()
    this.#outcomes.set(load, routers)
    const known = routers.get(router) ?? { samples: [], failure: undefined }
    routers.set(router, known)
    return known
  }
}
