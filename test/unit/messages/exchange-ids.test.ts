import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { ExchangeIds, ExchangeTable } from '../../../src/messages/exchange-ids.ts'

suite('ExchangeIds and ExchangeTable', () => {
  test('behave like a map whose ids are unique among those in use', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40 }), { maxLength: 300 }), choices => {
        const ids = new ExchangeIds()
        const table = new ExchangeTable<string>()
        const model = new Map<number, string>()
        for (const [step, choice] of choices.entries()) {
          const open = [...model.keys()]
          // Every second step ends an open exchange, if there is one.
          const ended = step % 2 === 1 ? open[choice % Math.max(1, open.length)] : undefined
          if (ended === undefined) {
            const id = ids.take()
            assert.ok(!model.has(id) && id >= 0 && id < 2 ** 32)
            model.set(id, `exchange ${step}`)
            table.add(id, `exchange ${step}`)
          } else {
            model.delete(ended)
            table.delete(ended)
            ids.giveBack(ended)
            assert.equal(table.find(ended), undefined)
          }
          for (const [id, item] of model) assert.equal(table.find(id), item)
          assert.equal(table.size, model.size)
        }
        assert.deepEqual(table.all().toSorted(), [...model.values()].toSorted())
      }),
      { seed: 7 },
    )
  })

  test('do not mistake a late row of an ended exchange for one of its successor', () => {
    const ids = new ExchangeIds()
    const table = new ExchangeTable<string>()
    const first = ids.take()
    table.add(first, 'first')
    table.delete(first)
    ids.giveBack(first)
    const second = ids.take()
    table.add(second, 'second')
    table.delete(first)
    assert.equal(table.find(first), undefined)
    assert.equal(table.find(second), 'second')
    assert.equal(table.size, 1)
  })

  test('allocate 32-bit ids however often an index is reused', () => {
    const ids = new ExchangeIds()
    const seen = new Set<number>()
    for (let use = 0; use < 4096; use++) {
      const id = ids.take()
      assert.ok(Number.isInteger(id) && id >= 0 && id < 2 ** 32)
      seen.add(id)
      ids.giveBack(id)
    }
    assert.equal(seen.size, 4096)
  })
})
