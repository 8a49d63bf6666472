/** Tests of bench/cli/routers.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LOAD_NAMES } from '../../../../bench/routers/loads/loads.ts'
import { parsePeersOptions } from '../../../../bench/cli/routers.ts'
import { ROUTERS } from '../../../../bench/routers/start/router-list.ts'

test('without flags all loads and all routers stand in a table of text', () => {
  const options = parsePeersOptions([])
  assert.deepEqual(options.loads, LOAD_NAMES)
  assert.deepEqual(
    options.routers,
    ROUTERS.map(({ name }) => name),
  )
  assert.equal(options.form, 'text')
  assert.equal(options.check, false)
})

test('--only takes loads and routers in any order, and leaves a kind alone that it does not name', () => {
  const both = parsePeersOptions(['--only', 'smg,k32', '--only', 'small,gateway'])
  assert.deepEqual(both.loads, ['small', 'k32'])
  assert.deepEqual(both.routers, ['gateway', 'smg'])
  const loadsAlone = parsePeersOptions(['--only', 'c10k-stressed'])
  assert.deepEqual(loadsAlone.loads, ['c10k-stressed'])
  assert.equal(loadsAlone.routers.length, ROUTERS.length)
})

for (const args of [
  ['--rounds', '0'],
  ['--seconds', '1.5'],
  ['--passes', 'many'],
  ['--only', 'smal'],
]) {
  test(`${args.join(' ')} is refused`, () => {
    assert.throws(() => parsePeersOptions(args), RangeError)
  })
}
