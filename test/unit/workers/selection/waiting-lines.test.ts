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
      owner: owners++,
      isSample: false,
      tryStart() {
        const left = room[lineKey.model] ?? 0
        if (left < 1) return false
        room[lineKey.model] = left - 1
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
  test('keep the order of arrival, also between engines to avoid', () => {
    const { lines, log, wait } = setUpLines({ m: 10 })
    wait('a', { lineKey: lineKeyOf('m', '1') })
    wait('b')
    wait('c')
    wait('d', { lineKey: lineKeyOf('m', '1') })
    wait('e')
    lines.serve()
    assert.deepEqual(log, ['a', 'b', 'c', 'd', 'e'])
    assert.ok(lines.isEmpty)
  })

  test('start what finds room although one before it, which avoids an engine, does not', () => {
    const { lines, log, wait } = setUpLines({ m: 2 })
    const picky = wait('picky', { lineKey: lineKeyOf('m', '1'), tryStart: () => false })
    wait('a')
    wait('b')
    wait('c')
    lines.serve()
    assert.deepEqual(log, ['a', 'b'])
    lines.remove(lineKeyOf('m', '1'), picky)
    assert.ok(!lines.isEmpty)
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
    const { lines, log, wait } = setUpLines({ m: 2 }, 3)
    wait('picky', { lineKey: lineKeyOf('m', '1'), tryStart: () => false })
    wait('a')
    wait('b')
    lines.serve()
    lines.noteStart('other')
    lines.serve()
    assert.deepEqual(log, ['a', 'b'])
    lines.noteStart('m')
    lines.serve()
    assert.deepEqual(log, ['a', 'b', 'picky reserves'])
  })

  test('know whether anything waits for the same engines', () => {
    const { lines, wait } = setUpLines({})
    wait('a')
    assert.deepEqual([lines.has(lineKeyOf('m')), lines.has(lineKeyOf('m', '1'))], [true, false])
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
