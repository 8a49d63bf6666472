import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { AgeList, newNode } from '../../../src/core/age-list.ts'

const entryOf = (name: number) => ({ name, node: newNode<Entry>() })
interface Entry {
  readonly name: number
  readonly node: ReturnType<typeof newNode<Entry>>
}

suite('AgeList', () => {
  test('starts empty', () => {
    const list = new AgeList<Entry>()
    assert.deepEqual([list.oldest, list.takeNewest(), list.takeOldest()], [undefined, undefined, undefined])
    assert.equal(list.remove(entryOf(1)), false)
  })

  test('removes each entry once, from either end or between, and accepts it again', () => {
    const step = fc.record({ kind: fc.constantFrom('push', 'newest', 'oldest', 'remove'), which: fc.nat() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const list = new AgeList<Entry>()
        const listed: Entry[] = []
        const free = [0, 1, 2, 3, 4, 5].map(entryOf)
        for (const { kind, which } of steps) {
          if (kind === 'push') {
            const entry = free.pop()
            if (entry === undefined) continue
            list.push(entry)
            listed.push(entry)
          } else if (kind === 'remove') {
            const entry = listed[which % Math.max(1, listed.length)] ?? entryOf(9)
            assert.equal(list.remove(entry), listed.includes(entry))
            assert.equal(list.remove(entry), false)
            free.push(...listed.splice(listed.indexOf(entry), listed.includes(entry) ? 1 : 0))
          } else {
            const [taken, expected] =
              kind === 'newest' ? [list.takeNewest(), listed.pop()] : [list.takeOldest(), listed.shift()]
            assert.equal(taken, expected)
            if (taken !== undefined) free.push(taken)
          }
          assert.equal(list.oldest, listed[0])
        }
      }),
      { seed: 7 },
    )
  })
})
