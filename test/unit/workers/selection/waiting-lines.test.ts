import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type LineKey, type Waiter, WaitingLines } from '../../../../workers/selection/waiting-lines.ts'

/** Lines in front of one engine per model, which runs `room` requests, and the names of what has started. */
function setUpLines(room: Record<string, number>, maxOvertakes = 100) {
  const lines = new WaitingLines(maxOvertakes)
  const log: string[] = []
  let owners = 100
  const wait = (name: string, change: Partial<Waiter> & { readonly lineKey?: LineKey } = {}): Waiter => {
    const lineKey = change.lineKey ?? lineKeyOf('m')
    const waiter: Waiter = {
      weight: 1,
      owner: owners++,
      isSample: false,
      tryStart() {
        const left = room[lineKey.model] ?? 0
        if (left < waiter.weight) return false
        room[lineKey.model] = left - waiter.weight
        log.push(name)
        return true
      },
      reserve: () => log.push(`${name} reserves`),
      ...change,
    }
    lines.add(lineKey, waiter)
    return waiter
  }
  return { lines, log, room, wait }
}

function lineKeyOf(model: string, avoiding = ''): LineKey {
  return { model, engines: `${model} ${avoiding}` }
}

suite('waiting lines', () => {
  test('start what fits although a larger one before it does not', () => {
    const { lines, log, room, wait } = setUpLines({ m: 2 })
    wait('large', { weight: 4 })
    wait('a')
    wait('b')
    wait('c')
    lines.serve()
    assert.deepEqual(log, ['a', 'b'])
    room['m'] = 5
    lines.serve()
    assert.deepEqual(log, ['a', 'b', 'large', 'c'])
    assert.ok(lines.isEmpty)
  })

  test('keep the order of arrival, also between weights and between engines to avoid', () => {
    const { lines, log, wait } = setUpLines({ m: 10 })
    wait('a', { lineKey: lineKeyOf('m', '1') })
    wait('b', { weight: 2 })
    wait('c')
    wait('d', { lineKey: lineKeyOf('m', '1') })
    wait('e', { weight: 2 })
    lines.serve()
    assert.deepEqual(log, ['a', 'b', 'c', 'd', 'e'])
  })

  test('do not let one model hold up another', () => {
    const { lines, log, wait } = setUpLines({ full: 0, free: 1 })
    wait('a', { lineKey: lineKeyOf('full') })
    wait('b', { lineKey: lineKeyOf('free') })
    lines.serve()
    assert.deepEqual(log, ['b'])
  })

  test('let the samples of a request take turns with other requests', () => {
    const { lines, log, room, wait } = setUpLines({ m: 0 })
    for (const name of ['s1', 's2', 's3', 's4']) wait(name, { owner: 1, isSample: true })
    for (const name of ['t1', 't2']) wait(name, { owner: 2, isSample: true })
    wait('a')
    assert.deepEqual(lines.waiting, { whole: 1, sampled: 2 })
    for (let each = 0; each < 7; each++) {
      room['m'] = 1
      lines.serve()
    }
    assert.deepEqual(log, ['s1', 't1', 'a', 's2', 't2', 's3', 's4'])
    assert.deepEqual(lines.waiting, { whole: 0, sampled: 0 })
  })

  test('let one reserve room that has been overtaken too often, by those that waited and those that did not', () => {
    const { lines, log, room, wait } = setUpLines({ m: 2 }, 3)
    wait('large', { weight: 4 })
    wait('a')
    wait('b')
    lines.serve()
    lines.noteStart('other')
    lines.serve()
    assert.deepEqual(log, ['a', 'b'])
    lines.noteStart('m')
    lines.serve()
    assert.deepEqual(log, ['a', 'b', 'large reserves'])
    room['m'] = 4
    lines.serve()
    assert.deepEqual(log, ['a', 'b', 'large reserves', 'large reserves', 'large'])
  })

  test('know who holds up a newcomer: one that needs no more room on the same engines', () => {
    const { lines, wait } = setUpLines({})
    wait('large', { weight: 4 })
    assert.deepEqual(
      [1, 4, 8].map(weight => lines.holdsUp(lineKeyOf('m'), weight)),
      [false, true, true],
    )
    assert.ok(!lines.holdsUp(lineKeyOf('m', '1'), 8))
  })

  test('forget one that leaves', () => {
    const { lines, log, room, wait } = setUpLines({ m: 0 })
    const [gone, other] = [wait('gone', { owner: 1 }), wait('other', { owner: 1 })]
    lines.remove(lineKeyOf('m'), gone)
    lines.remove(lineKeyOf('m'), gone)
    assert.deepEqual(lines.waiting, { whole: 1, sampled: 0 })
    room['m'] = 2
    lines.serve()
    assert.deepEqual(log, ['other'])
    lines.remove(lineKeyOf('m'), other)
    assert.deepEqual(lines.waiting, { whole: 0, sampled: 0 })
  })
})
