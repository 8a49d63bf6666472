/**
 * Engines receive the client's bytes: only members of the gateway are inserted or removed, and both legs get the same
 * body. A body that is not a JSON object never reaches an engine.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { type Random, seededRandom } from '../../src/core/random.ts'
import type { SimEngine } from '../../src/simulator/engine.ts'
import { openGateway } from '../support/gateway.ts'

interface Sent {
  readonly client: Buffer
  /** What must remain of the body without the injected members. */
  readonly kept: Buffer
}

const PARAMS = '"sampling_params":{"max_new_tokens":2}'
const HUGE_PROMPT = 'é"\\n 🚀'.repeat(1_100_000)

/** The whole body is forwarded. */
const AS_THEY_ARE: readonly string[] = [
  `{"text":"plain",${PARAMS}}`,
  `{"text":"naïve 日本 🚀 \u2028 \u{10FFFF}",${PARAMS}}`,
  String.raw`{"text":"\u00e9\ud83d\ude80 \"quoted\" \\ \/ \b\f\n\r\t\u0000",${PARAMS}}`,
  String.raw`{"text":"a lone \ud800 surrogate",${PARAMS}}`,
  String.raw`{"te\u0078t":"an escaped key",${PARAMS}}`,
  `{"text":"big",${PARAMS},"big":9223372036854775807,"negative":-9223372036854775808,"zero":-0}`,
  `{"text":"wide",${PARAMS},"wide":1e400,"narrow":1E-400,"exact":0.1000000000000000055511151231257827}`,
  `{"text":"first","text":"second",${PARAMS},"x":1,"x":2}`,
  `{"text":"twice",${PARAMS},"stream":true,"stream":false}`,
  `{"text":"deep",${PARAMS},"deep":${'['.repeat(400)}${']'.repeat(400)}}`,
  `{"text":"deep",${PARAMS},"deep":${'{"a":'.repeat(400)}1${'}'.repeat(400)}}`,
  `{"text":"braces } ] , : \\" {",${PARAMS},"other":"}}"}`,
  `{"text":"inner",${PARAMS},"metadata":{"rid":"inner","bootstrap_room":5}}`,
  ` \r\n\t{ \n"text"\t:\r"spaces" , "sampling_params" : { "max_new_tokens" : 2 } , "a" : [ 1 , 2 ] \n} \r\n\t `,
  `{"":"an empty key","text":"x",${PARAMS}}`,
  `{"__proto__":{"rid":"x"},"constructor":1,"text":"x",${PARAMS}}`,
]

/** Members of the gateway that the client sends are removed, with their comma. A list of prompts becomes its prompts. */
const WITH_OURS: readonly (readonly [sent: string, kept: string])[] = [
  [`{"rid":"mine","text":"a",${PARAMS}}`, `{"text":"a",${PARAMS}}`],
  [`{"text":"a",${PARAMS},"rid":"mine"}`, `{"text":"a",${PARAMS}}`],
  [`{"text":"a", "rid" : "mine" , ${PARAMS}}`, `{"text":"a", ${PARAMS}}`],
  [
    `{"text":"a","bootstrap_room":0,"bootstrap_host":"evil","bootstrap_port":1,${PARAMS}}`,
    `{"text":"a",${PARAMS}}`,
  ],
  [`{"bootstrap_room":1,"text":"a",${PARAMS},"bootstrap_room":2}`, `{"text":"a",${PARAMS}}`],
  [
    String.raw`{"r\u0069d":"escaped","text":"a",${PARAMS}}`.replace('${PARAMS}', PARAMS),
    `{"text":"a",${PARAMS}}`,
  ],
  [`{"text":"a",${PARAMS},"bootstrap_pair_key":"k"}`, `{"text":"a",${PARAMS}}`],
  [`{"text":["alone"],${PARAMS}}`, `{"text":"alone",${PARAMS}}`],
  [`{"input_ids":[[1,2]],"rid":["x"],${PARAMS}}`, `{"input_ids":[1,2],${PARAMS}}`],
]

const GATEWAY = await openGateway(
  { after },
  {
    fleet: {
      prefill: 1,
      decode: 1,
      knobs: { recordBodies: 1000, contextLen: 8_000_000, kvTokens: 16_000_000, prefillChunk: 8_000_000 },
    },
  },
)

test("both legs get the same bytes, which are the client's except for injected members", async () => {
  const { origin, fleet } = GATEWAY
  const [prefill, decode] = [fleet.prefill[0], fleet.decode[0]]
  assert.ok(prefill && decode)
  for (const sent of corpus()) {
    // In sequence, so that the last recorded body belongs to the last request.
    const response = await post(origin, sent.client)
    assert.equal(response.status, 200, `${response.text} for ${start(sent.client)}`)
    checkLegs(sent, lastBody(prefill), lastBody(decode), prefill.bootstrapPort)
  }
  const { rooms } = decode
  assert.equal(rooms.duplicates, 0)
})

test('each prompt of a batch reaches both legs as a request of its own, once', async () => {
  const { origin, fleet } = GATEWAY
  const [prefill, decode] = [fleet.prefill[0], fleet.decode[0]]
  assert.ok(prefill && decode)
  const first = decode.received.length
  const response = await post(
    origin,
    Buffer.from(`{"text":["a","b","c"],"rid":"x","big":9007199254740993,${PARAMS}}`),
  )
  assert.equal(response.status, 200, response.text)
  for (const engine of [prefill, decode]) {
    const texts = engine.received.slice(first).map(({ body }) => body.toString().replace(INJECTED, ''))
    const expected = ['a', 'b', 'c'].map(text => `{"text":"${text}","big":9007199254740993,${PARAMS}}`)
    assert.deepEqual(texts.toSorted(), expected)
  }
})

test('a body that is not a JSON object gets an error that says what is wrong, and where', async () => {
  const { origin, fleet } = GATEWAY
  const received = (): number | undefined => fleet.decode[0]?.counters.received
  const before = received()
  const long = 'x'.repeat(5000)
  const faulty: readonly (readonly [body: string | Buffer, says: RegExp])[] = [
    ['', /empty/],
    ['   ', /line 1, column 4/],
    ['[]', /line 1, column 1 /],
    ['null', /line 1, column 1 /],
    ['"text"', /line 1, column 1 /],
    ['{', /line 1, column 2 /],
    ['{"text":"a"', /line 1, column 12/],
    ['{\n  "text" "a"\n}', /line 2, column 10/],
    ['{"text":"a",}', /line 1, column 13/],
    ['{"text":"a"} x', /line 1, column 14/],
    ['{"text":"a"}{}', /line 1, column 13/],
    [`{"text":"é${long}",\n"a":tru}`, /line 2, column 5/],
    [`{"text":"${long}`, /unterminated string at line 1, column 9 /],
    ['{"text":"\u0001"}', /line 1,? column 10/],
    ['{"text":01}', /line 1,? column 10/],
    ['{"a":"\\x"}', /line 1,? column 8/],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /UTF-8/],
  ]
  for (const [body, says] of faulty) {
    const { status, text } = await post(origin, Buffer.from(body))
    assert.equal(status, 400, `${text} for ${start(body)}`)
    assert.match(text, says, `for ${start(body)}`)
    assert.match(text, /"type":"invalid_request_error"/)
  }
  assert.equal(received(), before)
})

function corpus(): Sent[] {
  const chance = seededRandom(20_260_724)
  const random = fc.sample(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), {
    seed: 7,
    numRuns: 60,
  })
  const asTheyAre = [
    ...AS_THEY_ARE,
    ...random.map(extra =>
      spaced({ ...extra, text: 'fuzz', sampling_params: { max_new_tokens: 2 } }, chance),
    ),
    `{"text":${JSON.stringify(HUGE_PROMPT)},${PARAMS}}`,
  ]
  return [
    ...asTheyAre.map(text => ({ client: Buffer.from(text), kept: Buffer.from(text) })),
    ...WITH_OURS.map(([sent, kept]) => ({ client: Buffer.from(sent), kept: Buffer.from(kept) })),
  ]
}

/** JSON with white space wherever it is allowed. */
function spaced(value: unknown, chance: Random): string {
  const gap = (): string => ['', ' ', '\n', '\t ', '\r\n  '][Math.floor(chance() * 5)] ?? ''
  if (Array.isArray(value)) {
    return `[${gap()}${value.map(item => spaced(item, chance) + gap()).join(`,${gap()}`)}]`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([key, inner]) => `${JSON.stringify(key)}${gap()}:${gap()}${spaced(inner, chance)}${gap()}`,
  )
  return `{${gap()}${members.join(`,${gap()}`)}}`
}

const INJECTED =
  /,"rid":"[0-9a-f]{32}","bootstrap_host":"[^"]*","bootstrap_port":(\d+),"bootstrap_room":(\d+)(?=\}\s*$)/

function checkLegs({ client, kept }: Sent, prefill: Buffer, decode: Buffer, bootstrapPort: number): void {
  assert.ok(prefill.equals(decode), `the legs got different bytes of ${start(client)}`)
  const got = decode.toString('latin1')
  // The body may be large, and its tail is enough for the search.
  const tail = Math.max(0, got.length - 2000)
  const found = INJECTED.exec(got.slice(tail))
  assert.ok(found, `nothing injected into ${start(client)}`)
  const from = tail + found.index
  const rest = Buffer.concat([decode.subarray(0, from), decode.subarray(from + found[0].length)])
  assert.ok(rest.equals(kept), `${start(rest)} instead of ${start(kept)}`)
  const [port, room] = [Number(found[1]), Number(found[2])]
  assert.ok(Number.isSafeInteger(room) && room > 0, String(room))
  assert.equal(port, bootstrapPort)
}

function lastBody(engine: SimEngine): Buffer {
  const last = engine.received.at(-1)
  assert.ok(last)
  return last.body
}

async function post(origin: string, body: Buffer): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${origin}/generate`, { method: 'POST', headers, body: new Uint8Array(body) })
  return { status: response.status, text: await response.text() }
}

function start(body: Buffer | string): string {
  return JSON.stringify(body.toString().slice(0, 200))
}
