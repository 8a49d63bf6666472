/** Builders of samples of the router comparison; by default ten requests, all correct. */
import type { Outcome } from '../../../bench/routers/costs/results.ts'
import type { RouterSample } from '../../../bench/routers/costs/sample.ts'

export function routerSample(change: Partial<RouterSample> = {}): RouterSample {
  return {
    cpuUs: 1000,
    units: 10,
    requestsPerSecond: 100,
    p50Ms: 1,
    p99Ms: 2,
    rssMib: 20,
    errors: 0,
    sent: 10,
    correct: 10,
    failures: undefined,
    ...change,
  }
}

export function outcomeOf(...samples: readonly RouterSample[]): Outcome {
  return { samples: [...samples], failure: undefined }
}
