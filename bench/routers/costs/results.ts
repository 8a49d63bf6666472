/** What came of each load for each router: rounds, or the reason why there are none. */
import type { PeerSample } from './sample.ts'

export interface Outcome {
  readonly samples: PeerSample[]
  /** Of a router that could not be installed, started or measured. */
  failure: string | undefined
}

/** Load -> router -> outcome, in the order of the table. */
export class Results {
  readonly #outcomes = new Map<string, Map<string, Outcome>>()

  of(load: string): ReadonlyMap<string, Outcome> {
    return this.#outcomes.get(load) ?? new Map()
  }

  add(load: string, router: string, sample: PeerSample): void {
    this.#outcome(load, router).samples.push(sample)
  }

  /** The first reason stays: what comes after it follows from it. */
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
