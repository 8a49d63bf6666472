/**
 * The index of prompt prefixes at its bound: many more distinct blocks than it has room for are offered to it, and each
 * choice of an engine is timed: hashing the prompt, reading the index, and the policy. Prints one line of JSON.
 *
 *   node bench/micro/prefix-index.ts [million blocks, 10 by default]
 */
import type { Engine } from '../../src/core/engine.ts'
import { seededRandom } from '../../src/core/random.ts'
import { cacheAware } from '../../src/policy/cache-aware.ts'
import type { PolicyView } from '../../src/policy/policy.ts'
import { EngineCaches } from '../../src/shared/engine-caches.ts'
import { createSharedMemory } from '../../src/shared/layout.ts'
import { PrefixIndex } from '../../src/shared/prefix-index.ts'
import { HashedPrompt } from '../../workers/request/block-hashes.ts'
import { PromptCaches } from '../../workers/selection/prompt-caches.ts'

const MILLION = 1_000_000
/** The default of `policy.indexBytes`. */
const INDEX_BYTES = 67_108_864
const MAX_ENGINES = 64
const ENGINES = 8
/** 2,176 tokens, as in the workloads of `bench cache`. */
const PROMPT_BYTES = 8704
/** Every fourth prompt is one of the latest of these, so that the index knows it. */
const REPEATED_EVERY = 4
const REMEMBERED = 1000
/** From this share of the blocks on the index is full, and its memory and times count. */
const FULL_SHARE = 0.3

const blocks = Number(process.argv[2] ?? 10) * MILLION
const memory = createSharedMemory(MAX_ENGINES, 1, undefined, { indexBytes: INDEX_BYTES })
const caches = new EngineCaches(memory)
const nowMs = () => performance.now()
const prompts = new PromptCaches({
  isUsed: true,
  index: new PrefixIndex(memory),
  caches,
  thread: 0,
  maxEngines: MAX_ENGINES,
  nowMs,
  metrics: { blocksDisplaced: () => undefined, predictionCorrected: () => undefined },
})
const policy = cacheAware()
const random = seededRandom(1)
const view: PolicyView = {
  random,
  reason: 'only',
  inFlight: () => 0,
  work: slot => caches.work(slot),
  othersRequests: () => 0,
  othersPromptBytes: () => 0,
  recentWork: (slot, second) => caches.recent(slot, second),
  second: () => Math.floor(nowMs() / 1000),
  next: () => 0,
}
const engines = Array.from({ length: ENGINES }, (_, slot) => engineAt(slot))
const body = new Uint8Array(PROMPT_BYTES).fill(0x61)
const number = new DataView(body.buffer)

let [offered, distinct, asked] = [0, 0, 0]
let fullMib = 0
// Prompts have more than 16 blocks, and one in four is not counted.
const timesUs = new Float64Array(blocks / 8)
let choices = 0
while (offered < blocks) {
  const isRepeated = asked++ % REPEATED_EVERY === 0 && distinct > REMEMBERED
  // The number is at the beginning, so that no block of two prompts is the same.
  number.setUint32(0, isRepeated ? distinct - Math.floor(random() * REMEMBERED) : ++distinct)
  const startMs = performance.now()
  const prompt = new HashedPrompt(body, { seeds: [], parts: [{ start: 0, end: PROMPT_BYTES }] })
  const { slot } = policy(engines, view, { prompt: prompts.viewOf(prompt) })
  const endMs = performance.now()
  const task = prompts.start(prompt, slot)
  task?.end()
  if (!isRepeated) offered += prompt.blocks?.keys.length ?? 0
  if (offered < FULL_SHARE * blocks) continue
  timesUs[choices++] = (endMs - startMs) * 1000
  if (fullMib === 0) fullMib = rssMib()
}

const sorted = timesUs.subarray(0, choices).toSorted()
const at = (share: number) => Math.round((sorted[Math.floor(share * (choices - 1))] ?? 0) * 10) / 10
const result = {
  blocks: offered,
  indexMib: INDEX_BYTES / 2 ** 20,
  rssMibFull: fullMib,
  rssMibEnd: rssMib(),
  choices,
  choiceP50Us: at(0.5),
  choiceP99Us: at(0.99),
}
process.stdout.write(`${JSON.stringify(result)}\n`)

function rssMib(): number {
  return Math.round(process.memoryUsage.rss() / 2 ** 20)
}

function engineAt(slot: number): Engine {
  return {
    slot,
    generation: 1,
    url: `http://127.0.0.1:${30_000 + slot}`,
    role: 'mixed',
    bootstrapHost: '127.0.0.1',
    bootstrapPort: 0,
    models: [],
    maxRunning: undefined,
    maxInputTokens: undefined,
    addresses: [],
    apiKey: undefined,
    dpSize: 1,
    frontend: undefined,
    isVllm: false,
    pairing: {},
  }
}
