import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withTable } from '../../../../bench/report/marked-table.ts'

const NAMES = ['routers', 'peers']

test('a new table replaces the old one and nothing else', () => {
  const document = 'before\n<!-- peers: begin -->\n\nold\n\n<!-- peers: end -->\nafter\n'
  const changed = withTable(document, 'new', NAMES)
  assert.equal(changed, 'before\n<!-- peers: begin -->\n\nnew\n\n<!-- peers: end -->\nafter\n')
  assert.equal(withTable(changed, 'new', NAMES), changed)
})

test('a document without markers for the table is rejected', () => {
  assert.throws(() => withTable('nothing', 'new', NAMES), /needs a line/)
})
