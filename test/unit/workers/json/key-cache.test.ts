import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { KeyCache } from '../../../../workers/json/key-cache.ts'
import { decodeString } from '../../../../workers/json/scan.ts'

const whole = (bytes: Buffer) => [bytes, 0, bytes.length] as const

suite('KeyCache', () => {
  test('returns the text of the key, whatever was decoded before', () => {
    const keys = new KeyCache(decodeString)
    // Few different characters, so that many keys are equal, and many others fall into the same bucket.
    const similar = fc.string({ unit: fc.constantFrom('a', 'q', 'é'), maxLength: 5 })
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ maxLength: 40 }), similar), { maxLength: 40 }), list => {
        for (const key of list) assert.equal(keys.textOf(...whole(Buffer.from(JSON.stringify(key)))), key)
      }),
      { seed: 7 },
    )
  })

  test('does not keep bytes that the caller overwrites', () => {
    const keys = new KeyCache(decodeString)
    const bytes = Buffer.from('"text"')
    assert.equal(keys.textOf(...whole(bytes)), 'text')
    bytes.write('"tent"')
    assert.equal(keys.textOf(...whole(bytes)), 'tent')
    assert.equal(keys.textOf(...whole(Buffer.from('"text"'))), 'text')
  })

  test('decodes the same key once', () => {
    let decoded = 0
    const keys = new KeyCache(() => `text ${decoded++}`)
    const bytes = Buffer.from('{"stream":1,"stream":2}')
    assert.equal(keys.textOf(bytes, 1, 9), 'text 0')
    assert.equal(keys.textOf(bytes, 12, 20), 'text 0')
  })

  test('keeps no text of a key that cannot be decoded', () => {
    const keys = new KeyCache(decodeString)
    const bytes = Buffer.from(String.raw`"\x"`)
    for (let call = 0; call < 2; call++)
      assert.throws(() => keys.textOf(...whole(bytes)), { message: 'invalid escape in a string' })
  })
})
