/** Tests of bench/cli/speed.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSpeedOptions } from '../../../../bench/cli/speed.ts'

test('without flags all scenarios run', () => {
  assert.deepEqual(parseSpeedOptions([]).only, ['small', 'k32', 'chunk-2ms', 'chunk-20ms', 'c1000'])
})

test('a further target is a name, a local address and a process', () => {
  const { extras } = parseSpeedOptions(['--target', 'peer=http://127.0.0.1:3000,42'])
  assert.deepEqual(extras, [{ name: 'peer', url: 'http://127.0.0.1:3000', pid: 42 }])
})

for (const args of [
  ['--rounds', '0'],
  ['--seconds', '1.5'],
  ['--only', 'smal'],
  ['--target', 'peer=http://192.0.2.1:80,42'],
]) {
  test(`${args.join(' ')} is refused`, () => {
    assert.throws(() => parseSpeedOptions(args), RangeError)
  })
}
