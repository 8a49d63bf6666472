import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ClientRid } from '../../../../workers/response/client-rid.ts'

const GATEWAY_RID = '0123456789abcdef0123456789abcdef'

function event(rid: string): string {
  return `data: {"id":"${rid}"}\n\n`
}

function edited(editor: ClientRid, text: string): string {
  const bytes = Buffer.from(text)
  const body = Buffer.from(editor.editBody(bytes)).toString()
  assert.equal(Buffer.from(editor.editEvents(bytes)).toString(), body)
  return body
}

suite('ClientRid', () => {
  test('restores the rid of the client and changes no other byte', () => {
    const editor = new ClientRid(GATEWAY_RID, 'mine')
    assert.equal(
      edited(editor, `{ "id": "${GATEWAY_RID}", "text":"é\\n" ,"x":1.0}`),
      '{ "id": "mine", "text":"é\\n" ,"x":1.0}',
    )
  })

  test('does so in every event of a block', () => {
    const editor = new ClientRid(GATEWAY_RID, 'mine')
    assert.equal(edited(editor, event(GATEWAY_RID).repeat(3)), event('mine').repeat(3))
  })

  test('escapes characters that JSON requires to be escaped', () => {
    const editor = new ClientRid(GATEWAY_RID, 'a"b\\c\né')
    const body: unknown = JSON.parse(edited(editor, `{"id":"${GATEWAY_RID}"}`))
    assert.deepEqual(body, { id: 'a"b\\c\né' })
  })

  test('passes on a response without the gateway’s rid unchanged', () => {
    const bytes = Buffer.from('{"id":"other"}')
    assert.equal(new ClientRid(GATEWAY_RID, 'mine').editBody(bytes), bytes)
  })
})
