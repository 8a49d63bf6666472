/** The responses that are held to be sent as a whole take no more memory than is allowed. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openGateway, runningOn } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const HELD_BYTES = 65_536
const TOKENS = 400

const GATEWAY = await openGateway(
  { after },
  { fleet: { prefill: 1, decode: 1 }, config: { limits: { collectedResponseBytes: HELD_BYTES } } },
)

async function generate(n: number): Promise<{ readonly status: number; readonly text: string }> {
  const body = { text: 'a', sampling_params: { n, max_new_tokens: TOKENS, ignore_eos: true } }
  const response = await fetch(`${GATEWAY.origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, text: await response.text() }
}

test('a request whose samples take too much memory together is refused, and others go on', async () => {
  const small = await generate(2)
  assert.equal(small.status, 200)
  const samples = Math.ceil((2 * HELD_BYTES) / (small.text.length / 2))
  const [large, other] = await Promise.all([generate(samples), generate(2)])
  assert.equal(large.status, 503)
  assert.match(large.text, /limits\.collectedResponseBytes/)
  assert.match(large.text, /memory-pressure/)
  assert.equal(other.status, 200)
  await until(() => runningOn(GATEWAY.fleet) === 0, 'the samples that ran have ended')
  assert.equal((await generate(2)).status, 200)
})
