import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { configSchema } from '../../../../src/config/config.ts'
import { FleetCapacity, type Parked } from '../../../../src/frontend/admission/fleet-capacity.ts'
import { EngineSlots } from '../../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import type { Waiting } from '../../../../src/shared/waiting-counts.ts'
import { engineOf } from '../../../support/engines.ts'

/** What is parked in front of a pair that runs four requests, `inFlight` of them now. */
function parkedOf(waiting: Waiting, inFlight: number, maxParked = 100): Parked {
  const slots = new EngineSlots(createSharedMemory(2, 1))
  const engines = (['prefill', 'decode'] as const).map((role, slot) =>
    engineOf({ slot, role, maxRunning: 4 }),
  )
  for (const { slot } of engines) {
    slots.setHealth(slot, 'healthy')
    slots.addInFlight(0, slot, inFlight)
  }
  const config = configSchema.parse({ engines: { mode: 'pd' }, admission: { maxParked } })
  const snapshot = { generation: 1, engines }
  const capacity = new FleetCapacity(config, slots, { snapshot, waiting: () => waiting, nowMs: () => 0 })
  assert.equal(capacity.capacity(), 4)
  return capacity.parked()
}

suite('parked requests', () => {
  const cases: readonly [what: string, found: Parked, idle: number, sampled: number][] = [
    ['are none while none waits', parkedOf({ whole: 0, sampled: 0 }, 1), 0, 0],
    ['are those that wait although engines have room', parkedOf({ whole: 7, sampled: 0 }, 3), 7, 0],
    ['are none that wait because the engines are full', parkedOf({ whole: 7, sampled: 0 }, 4), 0, 0],
    [
      'are all with several samples, which take turns with others',
      parkedOf({ whole: 7, sampled: 5 }, 4),
      0,
      5,
    ],
    ['are as many as are allowed', parkedOf({ whole: 7, sampled: 5 }, 3, 9), 7, 2],
  ]
  for (const [what, found, idle, sampled] of cases)
    test(what, () => assert.deepEqual(found, { idle, sampled }))
})
