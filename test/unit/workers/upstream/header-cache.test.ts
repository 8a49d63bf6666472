import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { HeaderCache } from '../../../../workers/upstream/header-cache.ts'

suite('HeaderCache', () => {
  test('returns the text of the bytes, whatever was converted before', () => {
    const texts = new HeaderCache(bytes => bytes.toString('latin1').toLowerCase())
    const bytes = fc.uint8Array({ maxLength: 80 })
    // Few different bytes and lengths, so that many inputs are equal.
    const similar = fc.array(fc.constantFrom(0x41, 0x42), { maxLength: 4 }).map(list => Uint8Array.from(list))
    fc.assert(
      fc.property(fc.array(fc.oneof(bytes, similar), { maxLength: 40 }), list => {
        for (const header of list) {
          const buffer = Buffer.from(header)
          assert.equal(texts.textOf(buffer), buffer.toString('latin1').toLowerCase())
        }
      }),
      { seed: 7 },
    )
  })

  test('does not keep bytes that the caller overwrites', () => {
    const texts = new HeaderCache(bytes => bytes.toString('latin1'))
    const buffer = Buffer.from('date')
    assert.equal(texts.textOf(buffer), 'date')
    buffer.write('host')
    assert.equal(texts.textOf(buffer), 'host')
    assert.equal(texts.textOf(Buffer.from('date')), 'date')
  })

  test('creates no new text for the same bytes', () => {
    let converted = 0
    const texts = new HeaderCache(bytes => `${bytes.toString('latin1')}${converted++}`)
    const first = texts.textOf(Buffer.from('server'))
    assert.equal(texts.textOf(Buffer.from('server')), first)
    assert.equal(converted, 1)
  })
})
