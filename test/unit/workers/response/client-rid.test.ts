import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ClientRid } from '../../../../workers/response/client-rid.ts'

const GATEWAY_RIDS = ['0123456789abcdef0123456789abcdef', '0123456789abcdef0123456789abcdef-000001']

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
    const editor = new ClientRid(GATEWAY_RIDS.slice(0, 1), 'mine', false)
    assert.equal(
      edited(editor, `{ "id": "${GATEWAY_RIDS[0]}", "text":"é\\n" ,"x":1.0}`),
      '{ "id": "mine", "text":"é\\n" ,"x":1.0}',
    )
  })

  test('does so in every event of a block', () => {
    const editor = new ClientRid(GATEWAY_RIDS.slice(0, 1), 'mine', false)
    assert.equal(edited(editor, event(GATEWAY_RIDS[0] ?? '').repeat(3)), event('mine').repeat(3))
  })

  test('escapes characters that JSON requires to be escaped', () => {
    const editor = new ClientRid(GATEWAY_RIDS.slice(0, 1), 'a"b\\c\né', false)
    const body: unknown = JSON.parse(edited(editor, `{"id":"${GATEWAY_RIDS[0]}"}`))
    assert.deepEqual(body, { id: 'a"b\\c\né' })
  })

  const batches: readonly [
    what: string,
    clientRid: string | readonly string[],
    expected: readonly string[],
  ][] = [
    ['numbers the prompts of a batch with a single rid', 'mine', ['mine_0', 'mine_1']],
    ['restores the rid of each prompt of a batch', ['a', 'b'], ['a', 'b']],
  ]
  for (const [what, clientRid, [first, second]] of batches) {
    test(what, () => {
      const editor = new ClientRid(GATEWAY_RIDS, clientRid, true)
      // The order of the prompts does not matter.
      assert.equal(
        edited(editor, `["${GATEWAY_RIDS[1]}","${GATEWAY_RIDS[0]}","${GATEWAY_RIDS[1]}"]`),
        `["${second}","${first}","${second}"]`,
      )
    })
  }

  test('passes on a response without the gateway’s rid unchanged', () => {
    const bytes = Buffer.from('{"id":"other"}')
    assert.equal(new ClientRid(GATEWAY_RIDS, 'mine', true).editBody(bytes), bytes)
  })
})
