import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { errorBody, GatewayError, streamErrorBody } from '../../../../src/core/errors.ts'
import { withoutHiddenDetails } from '../../../../src/core/text/hidden-details.ts'

const RID = '0123456789abcdef0123456789abcdef'

suite('withoutHiddenDetails', () => {
  const cases: readonly [message: string, expected: string][] = [
    [
      `1 validation error: {'model': 'm', 'rid': '${RID}', 'bootstrap_host': '10.0.0.1', 'bootstrap_port': 8998, 'bootstrap_room': 7391}`,
      "1 validation error: {'model': 'm', 'rid': …, 'bootstrap_host': …, 'bootstrap_port': …, 'bootstrap_room': …}",
    ],
    [
      `input {"text":"a","bootstrap_host":"fe80::1","bootstrap_room":7}`,
      'input {"text":"a","bootstrap_host":…,"bootstrap_room":…}',
    ],
    ["input_value={'model': 'm', 'b...trap_room': 7391}", "input_value={'model': 'm', 'b...trap_room': …}"],
    ["'bootstrap_host': '10.0.", "'bootstrap_host': …"],
    [
      `Invalid request: req.rid='${RID}' req.bootstrap_room=42 with KVTransferError(bootstrap_room=42): why`,
      'Invalid request: req.rid=… req.bootstrap_room=… with KVTransferError(bootstrap_room=…): why',
    ],
    ['Lost connection (bootstrap_addr: 10.0.0.1:8998)', 'Lost connection (bootstrap_addr: …)'],
    [
      'Lost connection with prefill instance (bootstrap_addr: prefill-0.llm.svc:8998)',
      'Lost connection with prefill instance (bootstrap_addr: …)',
    ],
    [
      'Could not fetch prefill parallel info from 10.1.2.3:8998 after 5 attempts',
      'Could not fetch prefill parallel info from … after 5 attempts',
    ],
    [
      'Could not fetch prefill parallel info from prefill-0:8998 after 5 attempts',
      'Could not fetch prefill parallel info from … after 5 attempts',
    ],
    [
      'Decode transfer failed with exception KVTransferError(bootstrap_room=739): Request 7391739173 timed out after 300.0s in KVPoll.WaitingForInput',
      'Decode transfer failed with exception KVTransferError(bootstrap_room=…): Request … timed out after 300.0s in KVPoll.WaitingForInput',
    ],
    ['Failed to send kv chunk of 7391739173 to [fe80::1:2]:17001', 'Failed to send kv chunk of … to …'],
    [
      'remote mooncake session 10.0.0.7:16001 is not alive, or prefill-1.pool:16001 might be dead',
      'remote mooncake session … is not alive, or … might be dead',
    ],
    [
      'follow_bootstrap_room conflict: dispatched to dp_rank 0 but bootstrap_room 1001 implies dp_rank 1',
      'follow_bootstrap_room conflict: dispatched to dp_rank 0 but bootstrap_room … implies dp_rank 1',
    ],
    [
      "HTTPConnectionPool(host='10.0.0.1', port=8998): Max retries exceeded with url: http://prefill-0:8998/route?prefill_dp_rank=-1",
      'HTTPConnectionPool(host=…, port=…): Max retries exceeded with url: http://…',
    ],
    [
      String.raw`Invalid input: "{\"text\":1,\"bootstrap_host\":\"10.0.0.1\",\"bootstrap_room\":7391}"`,
      String.raw`Invalid input: "{\"text\":1,\"bootstrap_host\":…,\"bootstrap_room\":…}"`,
    ],
    [
      `1 validation error:\n  {'msg': 'Field required'}\n\n  File "/opt/venv/lib/python3.11/site-packages/sglang/srt/entrypoints/http_server.py", line 2143, in openai_v1_chat_completions\n    POST /v1/chat/completions [{'msg': 'Field required'}]`,
      "1 validation error:\n  {'msg': 'Field required'} [{'msg': 'Field required'}]",
    ],
    [
      'Internal error: Traceback (most recent call last):\n  File "/usr/lib/python3/x.py", line 1, in f\n    g()\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File "/srv/y.py", line 2, in <module>\n    raise ValueError\nValueError: bad room 7391',
      'Internal error: ValueError: bad room …',
    ],
    ['Traceback (most recent call last):\n  File "/usr/lib/python3/x.py", line 1, in f\n    cut off he', '…'],
    [
      'CUDA error: out of memory\nException raised from launch at /pytorch/aten/src/ATen/x.cu:94 (most recent call first):\nframe #0: c10::Error::Error + 0x58 (0x7f in /usr/lib/libc10.so)',
      'CUDA error: out of memory',
    ],
    [
      "thread 'tokio' panicked at src/managers/router.rs:120:9: no tokenizer in /srv/.cache/huggingface/hub/tokenizer.json",
      "thread 'tokio' panicked at …: no tokenizer in …",
    ],
    [
      "[Errno 2] No such file or directory: '/sgl-workspace/models/llama/config'",
      "[Errno 2] No such file or directory: '…'",
    ],
    ['The field temperature must be below 2', 'The field temperature must be below 2'],
    ["Duplicate request: rid 'mine'", "Duplicate request: rid 'mine'"],
    [
      'Metadata corruption detected - bootstrap_room mismatch',
      'Metadata corruption detected - bootstrap_room mismatch',
    ],
  ]
  for (const [message, expected] of cases)
    test(message.replaceAll('\n', ' ').slice(0, 80), () =>
      assert.equal(withoutHiddenDetails(message), expected),
    )

  for (const message of [
    'The image at https://example.com/cat.json cannot be loaded (status 404)',
    'This model has a maximum context length of 131072 tokens; 140000 were requested at POST /v1/chat/completions',
    "Invalid value for 'stop': expected a list [0:5], got 12:30",
    'The model meta-llama/Llama-3.1-8B does not exist',
    'Rate limit 10/min, version 0.5.23, room for 3 more',
  ])
    test(`leaves alone: ${message}`, () => assert.equal(withoutHiddenDetails(message), message))

  test('takes time in proportion to the message, whatever a client has put into it', () => {
    const pieces = [
      'a',
      'a_',
      'a/',
      '/a.',
      '1.',
      ' ',
      '\n',
      '[a:',
      'room ',
      'host=',
      'File "',
      "'",
      'http://',
      '\\',
    ]
    for (const piece of pieces) {
      const message = piece.repeat(Math.ceil(65_536 / piece.length))
      const startMs = performance.now()
      withoutHiddenDetails(message)
      const tookMs = performance.now() - startMs
      assert.ok(tookMs < 2000, `${JSON.stringify(piece)}: ${tookMs} ms`)
    }
  })

  test('is applied to what an engine reports, whole or in a stream, and to nothing else', () => {
    const message = 'bootstrap_host=10.0.0.1'
    for (const status of [400, 500]) {
      const error = new GatewayError('engine-error', message, { status, leg: 'decode' })
      assert.match(errorBody(error), /"message":"bootstrap_host=…"/)
      assert.match(streamErrorBody(error), /"message":"bootstrap_host=…"/)
      assert.equal(error.message, message)
    }
    assert.match(errorBody(new GatewayError('invalid-request', message)), /10\.0\.0\.1/)
  })
})
