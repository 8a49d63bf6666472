/** Tests of bench/canned/answers.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOf, eventsOf } from '../../../../bench/canned/answers.ts'

for (const api of ['generate', 'chat', 'completions'] as const) {
  test(`an answer of ${api} is JSON of exactly one KiB`, () => {
    assert.equal(answerOf(api).length, 1024)
    assert.doesNotThrow(() => JSON.parse(answerOf(api).toString()))
  })

  test(`the events of ${api} have the size of real ones and the last one ends the answer`, () => {
    const events = eventsOf(api, 101)
    assert.equal(events.length, 101)
    for (const event of events.slice(0, -1)) {
      assert.ok(event.length >= 120 && event.length <= 190, `${event.length} bytes`)
      assert.match(event.toString(), /^data: \{.*"finish_reason":null.*\}\n\n$/)
    }
    assert.doesNotMatch(events.at(-1)?.toString() ?? '', /"finish_reason":null/)
  })
}
