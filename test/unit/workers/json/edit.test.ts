import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyEdits, type Edit, replaceAt } from '../../../../workers/json/edit.ts'

function editOf(start: number, end: number, text: string): Edit {
  return { start, end, replacement: Buffer.from(text) }
}

test('applyEdits keeps all other bytes and rejects overlapping edits', () => {
  const bytes = Buffer.from('abcdef')
  assert.equal(
    applyEdits(bytes, [editOf(4, 5, 'E'), editOf(0, 2, ''), editOf(6, 6, '!')]).toString(),
    'cdEf!',
  )
  assert.throws(() => applyEdits(bytes, [editOf(0, 3, ''), editOf(2, 4, '')]), RangeError)
})

test('replaceAt edits the value at a path, and nothing if there is none', () => {
  const bytes = Buffer.from('{"choices":[{"index":0}]}')
  const edits = replaceAt(bytes, ['choices', 0, 'index'], Buffer.from('7'))
  assert.equal(applyEdits(bytes, edits).toString(), '{"choices":[{"index":7}]}')
  assert.deepEqual(replaceAt(bytes, ['choices', 1, 'index'], Buffer.from('7')), [])
})
