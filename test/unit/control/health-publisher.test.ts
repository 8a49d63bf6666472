import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FoundHealth, HealthPublisher } from '../../../src/control/health-publisher.ts'
import { EngineSlots } from '../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { engineOf } from '../../support/engines.ts'

const GOOD: FoundHealth = { health: 'healthy', isSlow: false }
const SLOW: FoundHealth = { health: 'unhealthy', isSlow: true }
const DEAD: FoundHealth = { health: 'unhealthy', isSlow: false }

function setUp(models: readonly string[][] = [[], []]) {
  const engines = models.map((names, slot) => engineOf({ slot, models: names }))
  const slots = new EngineSlots(createSharedMemory(4, 1))
  const panics: number[] = []
  const publisher = new HealthPublisher({
    slots,
    engines: () => engines,
    onPanic: ({ slot }) => panics.push(slot),
  })
  const publish = (...found: readonly FoundHealth[]): string => {
    for (const [slot, each] of found.entries()) publisher.set(engineOf({ slot }), each)
    return engines.map(({ slot }) => slots.health(slot)).join(' ')
  }
  return { publish, publisher, panics, slots }
}

const CASES: readonly [string, readonly FoundHealth[], string][] = [
  ['a slow engine is excluded while another of its role is healthy', [GOOD, SLOW], 'healthy unhealthy'],
  ['slow engines stay in use when none of their role is healthy', [SLOW, SLOW], 'healthy healthy'],
  ['a slow engine stays in use when the others are dead', [DEAD, SLOW], 'unhealthy healthy'],
  ['dead engines are excluded even if no other is left', [DEAD, DEAD], 'unhealthy unhealthy'],
]

for (const [name, found, expected] of CASES) {
  test(name, () => {
    const { publish } = setUp()
    assert.equal(publish(GOOD, GOOD), 'healthy healthy')
    assert.equal(publish(...found), expected)
  })
}

test('engines of other models are no reason to exclude a slow one', () => {
  const { publish } = setUp([['llama'], ['qwen']])
  assert.equal(publish(SLOW, GOOD), 'healthy healthy')
})

test('a slow engine that stays in use is reported once, and excluded again when another recovers', () => {
  const { publish, panics } = setUp()
  publish(SLOW, DEAD)
  publish(SLOW, DEAD)
  assert.deepEqual(panics, [0])
  assert.equal(publish(SLOW, GOOD), 'unhealthy healthy')
})

test('a draining engine keeps the health that was set for it', () => {
  const { publish, publisher, slots } = setUp()
  publish(GOOD, SLOW)
  publisher.forget(engineOf({ slot: 0 }))
  slots.setHealth(0, 'draining')
  publisher.publish()
  assert.deepEqual([slots.health(0), slots.health(1)], ['draining', 'healthy'])
})
