/** A thread that records outcomes in shared breaker cells and claims probes as fast as it can; posts how many it got. */
import { parentPort, workerData } from 'node:worker_threads'
import { configSchema } from '../../src/config/config.ts'
import { BreakerCells } from '../../src/shared/breaker-cells.ts'
import type { SharedMemory } from '../../src/shared/layout.ts'
import { Breakers } from '../../workers/selection/breakers.ts'
import { engineOf } from './engines.ts'

export interface HammerTask {
  readonly memory: SharedMemory
  /** Legs counted on slot 0, a new step of the window each 100,000. */
  readonly counts: number
  /** Claims tried on slot 1, whose breaker is open and due. */
  readonly claims: number
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test is the one who starts this
const { memory, counts, claims } = workerData as HammerTask
const cells = new BreakerCells(memory)
for (let each = 0; each < counts; each++) cells.count(0, each % 2 === 0, 1 + Math.floor(each / 100_000))
const breakers = new Breakers(cells, configSchema.parse({}), {
  nowMs: () => 1_000_000,
  generationOf: () => 1,
  inFlightOf: () => 0,
  onChange: () => undefined,
})
let held = 0
for (let each = 0; each < claims; each++) {
  if (typeof breakers.claim(engineOf({ slot: 1 })) === 'object') held++
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(held)
