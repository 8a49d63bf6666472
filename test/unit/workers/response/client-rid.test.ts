import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ClientRid } from '../../../../workers/response/client-rid.ts'

const OURS = ['0123456789abcdef0123456789abcdef', '0123456789abcdef0123456789abcdef-000001']

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
    const editor = new ClientRid(OURS.slice(0, 1), 'mine', false)
    assert.equal(
      edited(editor, `{ "id": "${OURS[0]}", "text":"é\\n" ,"x":1.0}`),
      '{ "id": "mine", "text":"é\\n" ,"x":1.0}',
    )
  })

  test('does so in every event of a block', () => {
    const editor = new ClientRid(OURS.slice(0, 1), 'mine', false)
    assert.equal(edited(editor, event(OURS[0] ?? '').repeat(3)), event('mine').repeat(3))
  })

  test('escapes characters that JSON requires to be escaped', () => {
    const editor = new ClientRid(OURS.slice(0, 1), 'a"b\\c\né', false)
    const body: unknown = JSON.parse(edited(editor, `{"id":"${OURS[0]}"}`))
    assert.deepEqual(body, { id: 'a"b\\c\né' })
  })

  const batches: readonly [what: string, theirs: string | readonly string[], seen: readonly string[]][] = [
    ['counts the prompts of a batch behind a single rid', 'mine', ['mine_0', 'mine_1']],
    ['gives each prompt of a batch its own rid', ['a', 'b'], ['a', 'b']],
  ]
  for (const [what, theirs, [first, second]] of batches) {
    test(what, () => {
      const editor = new ClientRid(OURS, theirs, true)
      // In whatever order they come.
      assert.equal(
        edited(editor, `["${OURS[1]}","${OURS[0]}","${OURS[1]}"]`),
        `["${second}","${first}","${second}"]`,
      )
    })
  }

  test('passes on a response without the gateway’s rid unchanged', () => {
    const bytes = Buffer.from('{"id":"other"}')
    assert.equal(new ClientRid(OURS, 'mine', true).editBody(bytes), bytes)
  })
})
