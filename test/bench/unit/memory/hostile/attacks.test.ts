import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ATTACKS } from '../../../../../bench/memory/hostile/attacks.ts'
import { configSchema } from '../../../../../src/config/config.ts'

const { limits } = configSchema.parse({ engines: { mode: 'mixed', mixed: [{ url: 'http://127.0.0.1:1' }] } })

for (const { name, start, filler, end, bytes } of ATTACKS) {
  test(`the body of a hostile client is JSON, and not too large to be read: ${name}`, () => {
    for (const repeats of [0, 1, 3]) JSON.parse(start + filler.repeat(repeats) + end)
    assert.ok(bytes <= limits.bodyBytes)
  })
}

test('hostile clients ask for the most samples that are allowed', () => {
  assert.ok(ATTACKS.some(({ start }) => start.includes(`"n":${limits.samples},`)))
})
