import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { HeaderTexts } from '../../../../workers/upstream/header-texts.ts'

suite('HeaderTexts', () => {
  test('gives the text of the bytes, whatever came before', () => {
    const texts = new HeaderTexts(bytes => bytes.toString('latin1').toLowerCase())
    const bytes = fc.uint8Array({ maxLength: 80 })
    // Few different bytes and lengths, so that many are alike.
    const alike = fc.array(fc.constantFrom(0x41, 0x42), { maxLength: 4 }).map(list => Uint8Array.from(list))
    fc.assert(
      fc.property(fc.array(fc.oneof(bytes, alike), { maxLength: 40 }), list => {
        for (const each of list) {
          const buffer = Buffer.from(each)
          assert.equal(texts.textOf(buffer), buffer.toString('latin1').toLowerCase())
        }
      }),
      { seed: 7 },
    )
  })

  test('does not hold on to bytes that the caller writes over', () => {
    const texts = new HeaderTexts(bytes => bytes.toString('latin1'))
    const buffer = Buffer.from('date')
    assert.equal(texts.textOf(buffer), 'date')
    buffer.write('host')
    assert.equal(texts.textOf(buffer), 'host')
    assert.equal(texts.textOf(Buffer.from('date')), 'date')
  })

  test('makes no new text for the same bytes', () => {
    let made = 0
    const texts = new HeaderTexts(bytes => `${bytes.toString('latin1')}${made++}`)
    const first = texts.textOf(Buffer.from('server'))
    assert.equal(texts.textOf(Buffer.from('server')), first)
    assert.equal(made, 1)
  })
})
