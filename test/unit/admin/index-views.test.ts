import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indexGauges, indexView } from '../../../src/admin/index-views.ts'
import { processNowMs } from '../../../src/core/clock.ts'
import { EngineCaches } from '../../../src/shared/engine-caches.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { PrefixIndex } from '../../../src/shared/prefix-index.ts'
import { metricRoom } from '../../../src/telemetry/metric-cells.ts'
import { MetricReader } from '../../../src/telemetry/metric-reader.ts'
import { Recorder } from '../../../src/telemetry/recorder.ts'
import { engineOf } from '../../support/engines.ts'

const ENGINES = [
  engineOf({ slot: 0, role: 'prefill' }),
  engineOf({ slot: 1, role: 'decode' }),
  engineOf({ slot: 2, role: 'prefill' }),
]
const SECOND = Math.floor(processNowMs() / 1000)

/** The memory of a gateway with an index for 8 blocks. */
function setUp() {
  const shared = createSharedMemory(4, 1, metricRoom(4, [1]), { indexBytes: 256 })
  const caches = new EngineCaches(shared)
  const index = new PrefixIndex(shared)
  const recorder = new Recorder(shared, 1)
  return { shared, caches, index, recorder, metrics: new MetricReader(shared) }
}

const UNUSED = {
  windowBytes: 0,
  capacityBytes: null,
  heldBlocks: 0,
  computedBytes: 0,
  recentBytes: 0,
  waitingBytes: 0,
  promptTokens: 0,
  reportedHitRate: null,
  predictedHitRate: null,
  latestCorrection: null,
}

test('an unused index has no hit rates, and leaves out engines that only decode', () => {
  const [first, , third] = ENGINES.map(({ url, role, slot }) => ({ url, role, slot, ...UNUSED }))
  assert.deepEqual(indexView(ENGINES, setUp()), {
    bytes: 256,
    blocks: 0,
    maxBlocks: 8,
    displacedBlocks: 0,
    displacedIdleSecs: null,
    nextIdleSecs: null,
    sampledShare: 1,
    engines: [first, third],
  })
})

test('the index shows what is believed of an engine, how often that was right, and what was displaced', () => {
  const state = setUp()
  const { caches, index, recorder } = state
  index.note({ keys: [1, 3, 5], tags: [7, 8, 9] }, 2, 0, SECOND)
  caches.computed(2, 9000, SECOND + 3600)
  caches.write(2, { window: 9000, capacity: 50_000, longestHit: 0 })
  caches.addWork(0, 2, 700)
  caches.noteCorrection(2, 'evicted', SECOND + 3600)
  recorder.countEngine('pdgw_engine_prompt_tokens_total', 2, '', 3000)
  recorder.countEngine('pdgw_engine_cached_tokens_total', 2, '', 2000)
  recorder.countEngine('pdgw_engine_predicted_tokens_total', 2, '', 2100)
  recorder.count('pdgw_router_index_displaced_blocks_total', '', 4)
  recorder.count('pdgw_router_index_displaced_idle_seconds_total', '', 50)
  const { url, role, slot } = engineOf({ slot: 2, role: 'prefill' })
  assert.deepEqual(indexView(ENGINES.slice(1), state), {
    bytes: 256,
    blocks: 3,
    maxBlocks: 8,
    displacedBlocks: 4,
    displacedIdleSecs: 12.5,
    nextIdleSecs: null,
    sampledShare: 1,
    engines: [
      {
        url,
        role,
        slot,
        windowBytes: 9000,
        capacityBytes: 50_000,
        heldBlocks: 3,
        computedBytes: 9000,
        recentBytes: 9000,
        waitingBytes: 700,
        promptTokens: 3000,
        reportedHitRate: 0.667,
        predictedHitRate: 0.7,
        latestCorrection: { kind: 'evicted', secsAgo: 0 },
      },
    ],
  })
})

test('the gauges of the index are its blocks and its room', () => {
  const { index } = setUp()
  index.note({ keys: [1, 2], tags: [7, 8] }, 0, 0, SECOND)
  const values = indexGauges({ index }).map(({ name, read }) => `${name} ${read()[0]?.value}`)
  assert.deepEqual(values, ['pdgw_router_index_blocks 2', 'pdgw_router_index_max_blocks 8'])
})
