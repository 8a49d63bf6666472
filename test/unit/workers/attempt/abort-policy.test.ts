import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { EngineSlots } from '../../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import { AbortPolicy } from '../../../../workers/attempt/abort-policy.ts'
import { DecodeLeg } from '../../../../workers/attempt/decode-leg.ts'
import { PrefillLeg } from '../../../../workers/attempt/prefill-leg.ts'
import { initialState } from '../../../../workers/attempt/state.ts'
import { DONE_DIALECT } from '../../../../workers/dialects/done-dialect.ts'
import { engineOf } from '../../../support/engines.ts'
import { heldLease } from '../../../support/held-lease.ts'
import { SMALL_BODIES } from '../../../support/small-bodies.ts'

const PREFILL = engineOf({ slot: 0, role: 'prefill', url: 'prefill' })
const DECODE = engineOf({ slot: 1, url: 'decode' })
const DEFER_MS = 30_000
const WAITING = initialState({ hasPrefill: true, mergesPrefill: false, isUnary: false, wantsToken: true })

interface PolicyOptions {
  readonly abortMode?: 'immediate' | 'deferred'
  readonly isMixed?: boolean
  /** Status of decode's response; 0 before its head. */
  readonly decodeStatus?: number
  readonly takesRid?: boolean
  /** A mixed engine that has no aborts. */
  readonly isVllm?: boolean
}

const ignore = (): void => undefined

function setUpPolicy(t: TestContext, options: PolicyOptions = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { abortMode = 'immediate', decodeStatus = 0, takesRid = true, isVllm = false } = options
  const { isMixed = isVllm } = options
  const ends: string[] = []
  const prefill = new PrefillLeg(
    1024,
    {
      onPrefillComplete: ignore,
      onPrefillError: ignore,
      onErrorHead: ignore,
    },
    { bodies: SMALL_BODIES, dialect: DONE_DIALECT },
  )
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
  decode.body.start(decodeStatus, [])
  const slots = new EngineSlots(createSharedMemory(2, 1))
  const leases = { prefill: heldLease(slots, 0, PREFILL), decode: heldLease(slots, 0, DECODE) }
  const plan = {
    path: '/generate',
    isStream: true,
    showsProgress: true,
    dialect: DONE_DIALECT,
    mergesPrefill: false,
    wantsToken: true,
    awaitsUsage: false,
    isBatch: false,
    prefill: isMixed ? undefined : PREFILL,
    decode: { ...DECODE, isVllm },
    leases,
    exchangeId: 1,
    rid: 'a',
    takesRid,
    headers: [],
    timeouts: { firstTokenMs: 1, idleMs: 1, totalMs: 1 },
    body: Buffer.from('{}'),
    freshConnection: false,
  }
  const aborts: string[] = []
  const refusals: (() => void)[] = []
  const policy = new AbortPolicy(
    plan,
    { prefill, decode },
    {
      config: { upstream: { abortMode, abortDeferMs: DEFER_MS } },
      aborts: {
        send: ({ url, maybeUnread, onRefused }) => {
          aborts.push(maybeUnread ? `${url} maybe unread` : url)
          if (onRefused !== undefined) refusals.push(onRefused)
        },
      },
    },
  )
  /** The engines refuse all aborts so far. */
  const refuse = (): void => refusals.forEach(onRefused => onRefused())
  return { policy, decode, aborts, ends, refuse, tick: (ms: number) => t.mock.timers.tick(ms) }
}

suite('AbortPolicy', () => {
  test('repeats nothing for an engine that has responded', t => {
    const { policy, aborts } = setUpPolicy(t, { decodeStatus: 200 })
    policy.abortPrefill()
    policy.abortDecode()
    assert.deepEqual(aborts, ['prefill maybe unread', 'decode'])
  })

  test('sends no abort to prefill for a mixed engine', t => {
    const { policy, aborts } = setUpPolicy(t, { isMixed: true })
    policy.abortPrefill()
    assert.deepEqual(aborts, [])
  })

  test('sends no abort of a request whose API takes no rid', t => {
    const { policy, aborts } = setUpPolicy(t, { takesRid: false })
    policy.abortBoth()
    assert.deepEqual(aborts, [])
  })

  test('sends no abort to vLLM, which has none', t => {
    const { policy, aborts } = setUpPolicy(t, { isVllm: true })
    policy.abortBoth()
    assert.deepEqual(aborts, [])
  })

  test('ends decode if it refuses the abort that the client has asked for', t => {
    const { policy, decode, ends, refuse } = setUpPolicy(t)
    decode.isAbortRequested = true
    policy.abortBoth()
    assert.deepEqual(ends, [])
    refuse()
    assert.deepEqual(ends, ['abort 499'])
  })

  test('leaves decode alone if it refuses an abort that the client has not asked for', t => {
    const { policy, ends, refuse } = setUpPolicy(t)
    policy.abortBoth()
    refuse()
    assert.deepEqual(ends, [])
  })

  const deferrals: readonly [what: string, options: PolicyOptions, isDeferred: boolean][] = [
    ['while decode waits for its KV cache', { abortMode: 'deferred' }, true],
    ['of a mixed engine', { abortMode: 'deferred', isMixed: true }, false],
    ['when aborts are immediate', {}, false],
  ]
  for (const [what, options, isDeferred] of deferrals)
    test(`${isDeferred ? 'defers' : 'does not defer'} the abort of decode ${what}`, t =>
      assert.equal(setUpPolicy(t, options).policy.defersDecode(WAITING), isDeferred))

  test('does not defer the abort of decode after its first token', t => {
    const { policy } = setUpPolicy(t, { abortMode: 'deferred' })
    assert.equal(policy.defersDecode({ ...WAITING, decode: 'ready' }), false)
  })

  test('aborts decode at its first item, once', t => {
    const { policy, decode, aborts, tick } = setUpPolicy(t)
    policy.abortDecodeLater(() => {
      decode.isOpen = false
    })
    assert.deepEqual(aborts, [])
    decode.onData(Buffer.from('x'))
    tick(DEFER_MS)
    assert.deepEqual(aborts, ['decode maybe unread'])
  })

  test('aborts a silent decode after the delay', t => {
    const { policy, aborts, tick } = setUpPolicy(t, { decodeStatus: 200 })
    let isClosed = false
    policy.abortDecodeLater(() => {
      isClosed = true
    })
    tick(DEFER_MS - 1)
    assert.deepEqual([aborts, isClosed], [[], false])
    tick(1)
    assert.deepEqual([aborts, isClosed], [['decode'], true])
  })
})
