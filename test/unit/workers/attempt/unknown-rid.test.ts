import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine } from '../../../../src/core/engine.ts'
import { EngineSlots } from '../../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import { AbortPolicy } from '../../../../workers/attempt/abort-policy.ts'
import { DecodeLeg } from '../../../../workers/attempt/decode-leg.ts'
import { PrefillLeg } from '../../../../workers/attempt/prefill-leg.ts'
import { DONE_DIALECT } from '../../../../workers/dialects/done-dialect.ts'
import { engineOf } from '../../../support/engines.ts'
import { heldLease } from '../../../support/held-lease.ts'
import { SMALL_BODIES } from '../../../support/small-bodies.ts'

const ignore = (): void => undefined

/** How decode's leg ends when the client aborts a request by its rid; empty if only the engine is asked. */
function endsOf(
  path: string,
  { frontend, isVllm = false }: Partial<Pick<Engine, 'frontend' | 'isVllm'>>,
  takesRid = true,
): string[] {
  const ends: string[] = []
  const decode = new DecodeLeg(
    { held: 1024, preamble: 1024, event: 1024 },
    {
      onDecodeReady: ignore,
      onDecodeUsage: () => undefined,
      onDecodeComplete: ignore,
      onDecodeError: ({ cause, error }) => ends.push(`${cause} ${error.status}`),
      onDecodePromptError: ignore,
      onDecodeReportedError: ignore,
      onErrorHead: ignore,
      onDecodeBody: ignore,
      onDecodeData: ignore,
    },
    { bodies: SMALL_BODIES, dialect: DONE_DIALECT },
  )
  const prefill = new PrefillLeg(
    1024,
    {
      onPrefillComplete: ignore,
      onPrefillError: ignore,
      onErrorHead: ignore,
    },
    { bodies: SMALL_BODIES, dialect: DONE_DIALECT },
  )
  const engine = engineOf({ frontend, isVllm })
  const plan = {
    path,
    isStream: false,
    showsProgress: false,
    dialect: DONE_DIALECT,
    mergesPrefill: false,
    wantsToken: true,
    awaitsUsage: false,
    isBatch: false,
    prefill: undefined,
    decode: engine,
    leases: { prefill: undefined, decode: heldLease(new EngineSlots(createSharedMemory(1, 1)), 0, engine) },
    exchangeId: 1,
    rid: 'a',
    takesRid,
    headers: [],
    timeouts: { firstTokenMs: 1, idleMs: 1, totalMs: 1 },
    body: Buffer.from('{}'),
    freshConnection: false,
  }
  const config = { upstream: { abortMode: 'immediate', abortDeferMs: 1 } } as const
  new AbortPolicy(plan, { prefill, decode }, { config, aborts: { send: ignore } }).endUnknownRid()
  return ends
}

test('a completion on the server in Rust, which does not know its rid, ends with the connection', () => {
  assert.deepEqual(endsOf('/v1/completions?a=b', { frontend: 'rust' }), ['abort 499'])
})

test('a request whose API takes no rid ends with the connection', () => {
  assert.deepEqual(endsOf('/v1/messages', { frontend: 'python' }, false), ['abort 499'])
})

for (const path of ['/v1/completions', '/v1/chat/completions', '/v1/responses'])
  test(`${path} on vLLM, which has no aborts, ends with the connection`, () => {
    assert.deepEqual(endsOf(path, { isVllm: true }), ['abort 499'])
  })

for (const [path, frontend] of [
  ['/generate', 'rust'],
  ['/v1/chat/completions', 'rust'],
  ['/v1/completions', 'python'],
  ['/v1/completions', undefined],
] as const) {
  test(`an abort of ${path} on the server in ${frontend ?? 'an unknown language'} is left to the engine`, () => {
    assert.deepEqual(endsOf(path, { frontend }), [])
  })
}
