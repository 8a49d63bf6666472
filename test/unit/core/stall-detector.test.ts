import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StallDetector } from '../../../src/core/stall-detector.ts'

test('reports an item without progress once, and no item that progresses or is forgotten', t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let nowMs = 0
  const stalled: string[] = []
  const detector = new StallDetector<string>(
    1000,
    item => stalled.push(item),
    () => nowMs,
  )
  const passMs = (ms: number): void => {
    for (let step = 0; step < ms; step += 50) {
      nowMs += 50
      t.mock.timers.tick(50)
    }
  }
  for (const item of ['stuck', 'moves', 'done']) detector.watch(item)
  passMs(600)
  detector.watch('moves')
  detector.forget('done')
  passMs(650)
  assert.deepEqual(stalled, ['stuck'])
  passMs(600)
  assert.deepEqual(stalled, ['stuck', 'moves'])
  passMs(5000)
  detector.watch('later')
  passMs(1300)
  assert.deepEqual(stalled, ['stuck', 'moves', 'later'])
  detector.close()
})
