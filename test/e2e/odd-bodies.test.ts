/** Invalid bodies: each gets a 400 at once that says what is wrong, and leaves nothing on an engine. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { openGateway, runningOn } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const GATEWAY = await openGateway({ after }, { fleet: { prefill: 1, decode: 1 } })

const GOOD = '{"text":"a","sampling_params":{"max_new_tokens":1}}'

const ODD: readonly [name: string, body: string | Uint8Array, message: RegExp][] = [
  ['nothing', '', /body is empty/],
  ['white space', ' \n ', /expected an object.*line 2, column 2/],
  ['a list', '[]', /must be a JSON object, .* line 1, column 1/],
  ['null', 'null', /must be a JSON object/],
  ['a string', '"a"', /must be a JSON object/],
  ['a number', '1', /must be a JSON object/],
  ['a byte order mark before it', `\uFEFF${GOOD}`, /starts with a byte order mark/],
  ['UTF-16 with its mark', Buffer.from(`\uFEFF${GOOD}`, 'utf16le'), /not valid UTF-8/],
  ['UTF-16', Buffer.from(GOOD, 'utf16le'), /expected a key in double quotes/],
  ['latin1', Buffer.from('{"text":"\u00e9"}', 'latin1'), /not valid UTF-8/],
  ['gzip', gzipSync(GOOD), /not valid UTF-8/],
  ['a NUL in a string', '{"text":"a\0"}', /control character.*position 10/],
  ['two objects', GOOD + GOOD, /expected nothing after the object/],
  ['a comma too many', '{"text":"a",}', /expected a key.*byte 12/],
  ['single quotes', "{'text':'a'}", /expected a key/],
  ['no end', '{"text":"a"', /expected ',' or '}'/],
  ['a nesting of 100,000', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, /nested too deeply/],
  ['an empty list of prompts', '{"text":[]}', /list of prompts is empty/],
  ['a billion samples', '{"text":"a","sampling_params":{"n":1000000000}}', /n is 1000000000/],
  ['more prompts than are allowed', `{"text":[${'"a",'.repeat(16_384)}"a"]}`, /more than 16384 elements/],
  [
    'more prompts times samples than are allowed',
    `{"text":[${'"a",'.repeat(999)}"a"],"sampling_params":{"n":17}}`,
    /17000 prompts times samples/,
  ],
  [
    'more members than are allowed',
    `{"text":"a"${',"a":1'.repeat(1024)}}`,
    /an object has more than 1024 members \(limits\.members\)/,
  ],
  [
    'more sampling parameters than are allowed',
    `{"text":"a","sampling_params":{"n":1${',"a":1'.repeat(1024)}}}`,
    /an object has more than 1024 members \(limits\.members\)/,
  ],
  [
    'more samples than there are numbers',
    '{"text":"a","sampling_params":{"n":1e400}}',
    /n must be an integer/,
  ],
  ['half a sample', '{"text":"a","sampling_params":{"n":1.5}}', /n must be an integer/],
  ['samples as a text', '{"text":"a","sampling_params":{"n":"2"}}', /n must be an integer/],
  ['true samples', '{"text":"a","sampling_params":{"n":true}}', /n must be an integer/],
  ['no prompt', '{}', /Either text, input_ids/],
  ['a flag that is none', '{"text":"a","stream":"yes"}', /stream must be true or false/],
  ['a rank that is none', '{"text":"a","routed_dp_rank":"1"}', /rank must be a whole number, 0 or more/],
]

test('an invalid body is refused with a reason', async t => {
  const { origin, fleet } = GATEWAY
  const post = (body: string | Uint8Array): Promise<Response> =>
    fetch(`${origin}/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(body),
    })
  const check = ([name, body, message]: (typeof ODD)[number]): Promise<void> =>
    t.test(name, async () => {
      const response = await post(body)
      const text = await response.text()
      assert.equal(response.status, 400, text)
      assert.match(text, message)
    })
  await Promise.all(ODD.map(check))
  await until(() => runningOn(fleet) === 0)
  assert.equal((await post(GOOD)).status, 200)
  const bias = JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, token) => [token, 1])))
  const many = `{"text":"a","sampling_params":{"max_new_tokens":1,"logit_bias":${bias}}}`
  assert.equal((await post(many)).status, 200, 'an object that the gateway does not read')
})
