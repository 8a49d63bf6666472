import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf, eventsOf } from '../../../../bench/canned/responses.ts'

for (const api of ['generate', 'chat', 'completions'] as const) {
  test(`a response of ${api} is JSON of exactly one KiB`, () => {
    assert.equal(bodyOf(api).length, 1024)
    assert.doesNotThrow(() => JSON.parse(bodyOf(api).toString()))
  })

  test(`the events of ${api} have a realistic size, and the last one has a finish reason`, () => {
    const events = eventsOf(api, 101)
    assert.equal(events.length, 101)
    for (const event of events.slice(0, -1)) {
      assert.ok(event.length >= 120 && event.length <= 190, `${event.length} bytes`)
      assert.match(event.toString(), /^data: \{.*"finish_reason":null.*\}\n\n$/)
    }
    assert.doesNotMatch(events.at(-1)?.toString() ?? '', /"finish_reason":null/)
  })
}
