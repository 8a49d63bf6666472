/** Rounds of the peers' bench for tests: ten requests, all right, unless a test says otherwise. */
import type { Outcome } from '../../bench/routers/costs/results.ts'
import type { PeerSample } from '../../bench/routers/costs/sample.ts'

export function peerSample(change: Partial<PeerSample> = {}): PeerSample {
  return {
    cpuUs: 1000,
    units: 10,
    requestsPerSecond: 100,
    p50Ms: 1,
    p99Ms: 2,
    rssMib: 20,
    errors: 0,
    asked: 10,
    right: 10,
    complaint: undefined,
    ...change,
  }
}

export function outcomeOf(...samples: readonly PeerSample[]): Outcome {
  return { samples: [...samples], failure: undefined }
}
