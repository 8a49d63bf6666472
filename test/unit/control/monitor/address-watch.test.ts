import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressWatch } from '../../../../src/control/monitor/address-watch.ts'

/** A watch of a name whose lookups return these lists in turn; `undefined` fails. */
function watchOf(answers: readonly (readonly string[] | undefined)[]) {
  const left = [...answers]
  return new AddressWatch('http://engine.example:30000', async () => {
    const answer = left.shift()
    if (answer === undefined) throw new Error('ENOTFOUND')
    return answer
  })
}

test('an address counts until it is missing in two lookups', async () => {
  const watch = watchOf([['b', 'a'], ['b', 'c'], ['c'], ['c']])
  assert.deepEqual(watch.addresses, [])
  const seen: string[] = []
  for (let count = 0; count < 4; count++) {
    assert.equal(await watch.renew(), false)
    seen.push(watch.addresses.join(''))
  }
  assert.deepEqual(seen, ['ab', 'abc', 'bc', 'c'])
})

test('a name whose addresses are all new may be another engine', async () => {
  const watch = watchOf([['a'], undefined, ['b'], ['b']])
  const moved: boolean[] = []
  for (let count = 0; count < 4; count++) moved.push(await watch.renew())
  assert.deepEqual(moved, [false, false, true, false])
  assert.deepEqual(watch.addresses, ['b'])
})

for (const host of ['127.0.0.1', '[::1]']) {
  test(`the host ${host} is not looked up`, async () => {
    const watch = new AddressWatch(`http://${host}:1`, () => assert.fail('it was looked up'))
    assert.equal(await watch.renew(), false)
    assert.deepEqual(watch.addresses, [])
  })
}
