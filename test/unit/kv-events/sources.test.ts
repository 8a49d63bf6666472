import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { sourceOfRank, sourceOfSglang, sourceOfVllm } from '../../../src/kv-events/sources.ts'

const URL = 'http://10.0.0.7:30000'

const source = (port: number, host = '10.0.0.7', replay?: number) => ({
  endpoint: `tcp://${host}:${port}`,
  replayEndpoint: replay === undefined ? undefined : `tcp://${host}:${replay}`,
  topic: '',
})

function flag(config: object) {
  return { kv_events_config: JSON.stringify({ publisher: 'zmq', ...config }) }
}

suite('the source of KV events', () => {
  const rank = { data_parallel_rank: 0, endpoint: 'tcp://*:5557', replay_endpoint: 'tcp://*:6557', topic: '' }
  for (const [what, answer, expected] of [
    ['a list', [rank], source(5557, '10.0.0.7', 6557)],
    ['a list in an object', { sources: [rank] }, source(5557, '10.0.0.7', 6557)],
    [
      'an object by rank',
      { 0: rank, 1: { ...rank, endpoint: 'tcp://*:5558' } },
      source(5557, '10.0.0.7', 6557),
    ],
    [
      'an address of its own',
      [{ ...rank, endpoint: 'tcp://10.0.0.9:1', replay_endpoint: null }],
      source(1, '10.0.0.9'),
    ],
    ['nothing, because they are off', {}, undefined],
    ['no list', 'off', undefined],
    ['no TCP address', [{ ...rank, endpoint: 'ipc:///tmp/events' }], undefined],
    ['no port that exists', [{ ...rank, endpoint: 'tcp://*:70000' }], undefined],
    ['no name of a host', [{ ...rank, endpoint: 'tcp://a b:5557' }], undefined],
    ['no port', [{ ...rank, endpoint: 'tcp://*:0' }], undefined],
  ] as const)
    test(`of vLLM is found in ${what}`, () => assert.deepEqual(sourceOfVllm(answer, 0, URL), expected))

  test('of vLLM is that of the rank', () => {
    const second = {
      ...rank,
      data_parallel_rank: 1,
      endpoint: 'tcp://*:5558',
      replay_endpoint: 'tcp://*:6558',
    }
    for (const answer of [[rank, second], { sources: [second, rank] }, { 0: rank, 1: second }])
      assert.deepEqual(sourceOfVllm(answer, 1, URL), source(5558, '10.0.0.7', 6558))
    const unnumbered = { endpoint: 'tcp://*:5557' }
    assert.deepEqual(sourceOfVllm([unnumbered, { endpoint: 'tcp://*:5559' }], 1, URL), source(5559))
    assert.equal(sourceOfVllm([rank, second], 2, URL), undefined)
    // A server that runs one rank of a larger deployment names that one.
    assert.deepEqual(sourceOfVllm({ 3: { endpoint: 'tcp://*:5560' } }, undefined, URL), source(5560))
  })

  test('of a rank has the ports that follow those of the first', () => {
    const first = source(5557, '10.0.0.7', 6557)
    assert.deepEqual(sourceOfRank(first, 0), first)
    assert.deepEqual(sourceOfRank(first, 3), source(5560, '10.0.0.7', 6560))
    assert.deepEqual(sourceOfRank(source(5557), 3), source(5560))
    assert.equal(sourceOfRank(source(65_535), 1), undefined)
  })

  const field = { publisher: 'zmq', endpoint_host: '*', endpoint_port_base: 5557, topic: '', block_size: 64 }
  for (const [what, server, expected] of [
    [
      'its flag',
      flag({ endpoint: 'tcp://*:5600', replay_endpoint: 'tcp://*:5601' }),
      source(5600, '10.0.0.7', 5601),
    ],
    ['the default of its flag', flag({}), source(5557)],
    ['the field of newer versions', { kv_events: field }, source(5557)],
    [
      'both',
      { ...flag({ replay_endpoint: 'tcp://*:6557' }), kv_events: field },
      source(5557, '10.0.0.7', 6557),
    ],
    ['nothing, because they are off', { kv_events: null, kv_events_config: null }, undefined],
    ['nothing, because the publisher is off', { kv_events_config: '{"publisher":"null"}' }, undefined],
    ['nothing, because it connects to a subscriber', flag({ endpoint: 'tcp://10.0.0.1:5557' }), undefined],
    [
      'an address that it binds',
      flag({ endpoint: 'tcp://10.0.0.9:5600', bind: true }),
      source(5600, '10.0.0.9'),
    ],
    ['every address', flag({ endpoint: 'tcp://0.0.0.0:5600' }), source(5600)],
    ['a flag that cannot be read', { kv_events_config: '{' }, undefined],
    ['a field without a port', { kv_events: { publisher: 'zmq', endpoint_host: '*' } }, undefined],
  ] as const)
    test(`of SGLang is found in ${what}`, () => assert.deepEqual(sourceOfSglang(server, URL), expected))
})
