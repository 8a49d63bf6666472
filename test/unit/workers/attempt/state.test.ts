import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  type AttemptAction,
  type AttemptEvent,
  type AttemptState,
  awaitsPrefill,
  initialState,
  nextStep,
  type TimeoutEvent,
} from '../../../../workers/attempt/state.ts'
import { transportFailure } from '../../../../workers/classify/observed-failure.ts'
import { statusFailure } from '../../../../workers/classify/reported-failure.ts'
import { chargeOf } from '../../../support/charge-of.ts'

const BROKEN = { kind: 'reset', message: 'socket hang up', isStaleSocket: false } as const
const PREFILL_REFUSED = statusFailure('prefill', 503, Buffer.from('busy'))
const PREFILL_LOST = transportFailure('prefill', BROKEN)
const DECODE_LOST = transportFailure('decode', BROKEN)

/** Every event that can come, by a short name. The prompt has seven tokens unless the name says otherwise. */
const EVENTS = {
  'prefill ok': { kind: 'prefill-complete', summary: { promptTokens: 7, hasToken: true } },
  'prefill dummy': { kind: 'prefill-complete', summary: { promptTokens: 1, hasToken: true } },
  'prefill other': { kind: 'prefill-complete', summary: { promptTokens: 8, hasToken: true } },
  'prefill empty': { kind: 'prefill-complete', summary: { promptTokens: 7, hasToken: false } },
  'prefill refused': { kind: 'prefill-error', failure: PREFILL_REFUSED },
  'prefill lost': { kind: 'prefill-error', failure: PREFILL_LOST },
  'first token': { kind: 'decode-ready', promptTokens: 7 },
  'bare token': { kind: 'decode-ready', promptTokens: undefined },
  'decode counts': { kind: 'decode-counted', promptTokens: 7 },
  'decode held': {
    kind: 'decode-complete',
    summary: { promptTokens: undefined, hasToken: true },
    isTerminated: true,
    isHeld: true,
  },
  'decode ok': { kind: 'decode-complete', summary: { promptTokens: 7, hasToken: true }, isTerminated: true },
  'decode empty': {
    kind: 'decode-complete',
    summary: { promptTokens: undefined, hasToken: false },
    isTerminated: true,
  },
  'decode short': {
    kind: 'decode-complete',
    summary: { promptTokens: 7, hasToken: false, tokenlessEnd: 'length' },
    isTerminated: true,
  },
  'decode stopped': {
    kind: 'decode-complete',
    summary: { promptTokens: 7, hasToken: false, tokenlessEnd: 'other' },
    isTerminated: true,
  },
  'decode cut': {
    kind: 'decode-complete',
    summary: { promptTokens: undefined, hasToken: true },
    isTerminated: false,
  },
  'decode lost': { kind: 'decode-error', failure: DECODE_LOST },
  'grace over': { kind: 'timeout', timer: 'grace', timeoutMs: 50, isClientTimeout: false },
} as const satisfies Record<string, AttemptEvent>

type EventName = keyof typeof EVENTS

const WANTED = { wantsToken: true } as const

const SETUPS = {
  'a streamed pair': { ...WANTED, hasPrefill: true, mergesPrefill: false, isUnary: false },
  'a whole pair': { ...WANTED, hasPrefill: true, mergesPrefill: false, isUnary: true },
  'a merged stream': { ...WANTED, hasPrefill: true, mergesPrefill: true, isUnary: false },
  'a merged whole': { ...WANTED, hasPrefill: true, mergesPrefill: true, isUnary: true },
  'a streamed single': { ...WANTED, hasPrefill: false, mergesPrefill: false, isUnary: false },
  'a whole single': { ...WANTED, hasPrefill: false, mergesPrefill: true, isUnary: true },
  'a whole pair for no token': { wantsToken: false, hasPrefill: true, mergesPrefill: false, isUnary: true },
  'a streamed pair for no token': {
    wantsToken: false,
    hasPrefill: true,
    mergesPrefill: false,
    isUnary: false,
  },
} as const

type SetupName = keyof typeof SETUPS

/** The state after the events, and what the last of them led to. */
function play(setup: SetupName, names: readonly EventName[]): { state: AttemptState; action: AttemptAction } {
  let step: { state: AttemptState; action: AttemptAction } = {
    state: initialState(SETUPS[setup]),
    action: { kind: 'wait' },
  }
  for (const name of names) step = nextStep(step.state, EVENTS[name])
  return step
}

function summaryOf(action: AttemptAction): string {
  switch (action.kind) {
    case 'finish':
      return `finish from ${action.from}`
    case 'fail':
    case 'break':
      return `${action.kind}: ${action.failure.cause}`
    case 'wait':
    case 'wait-for-prefill':
    case 'commit':
      return action.kind
  }
}

function namesOf<T extends object>(table: T): (keyof T)[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tables have no other keys
  return Object.keys(table) as (keyof T)[]
}

function isFinal(action: AttemptAction): boolean {
  return ['finish', 'fail', 'break'].includes(action.kind)
}

/** What the attempt did, up to and with the action that ended it. */
function actionsOf(setup: SetupName, history: readonly EventName[]): AttemptAction[] {
  const actions = history.map((_, index) => play(setup, history.slice(0, index + 1)).action)
  const end = actions.findIndex(isFinal)
  return end < 0 ? actions : actions.slice(0, end + 1)
}

/** What the last event leads to, for each history. */
type Row = readonly [setup: SetupName, history: readonly EventName[], event: EventName, action: string]

const RULES: Readonly<Record<string, readonly Row[]>> = {
  'a stream commits at the first token, without waiting for prefill': [
    ['a streamed pair', [], 'first token', 'commit'],
    ['a streamed pair', ['prefill ok'], 'first token', 'commit'],
    ['a streamed single', [], 'first token', 'commit'],
  ],
  'prefill alone settles nothing': [
    ['a streamed pair', [], 'prefill ok', 'wait'],
    ['a whole pair', [], 'prefill ok', 'wait'],
    ['a merged stream', [], 'prefill ok', 'wait'],
    ['a merged whole', [], 'prefill ok', 'wait'],
  ],
  'a merged stream holds its first token until prefill has responded': [
    ['a merged stream', [], 'first token', 'wait'],
    ['a merged stream', ['first token'], 'prefill ok', 'commit'],
    ['a merged stream', ['prefill ok'], 'first token', 'commit'],
  ],
  'a whole response waits for prefill, then finishes': [
    ['a whole pair', [], 'decode ok', 'wait-for-prefill'],
    ['a whole pair', ['decode ok'], 'prefill ok', 'finish from decode'],
    ['a whole pair', ['prefill ok'], 'decode ok', 'finish from decode'],
    ['a merged whole', ['decode ok'], 'prefill ok', 'finish from decode'],
    ['a whole single', [], 'decode ok', 'finish from decode'],
  ],
  'a stream that ends before its commit waits for prefill too': [
    ['a streamed pair', [], 'decode ok', 'wait-for-prefill'],
    ['a streamed pair', [], 'decode empty', 'wait-for-prefill'],
    ['a merged stream', ['first token'], 'decode empty', 'wait-for-prefill'],
    ['a merged stream', ['first token', 'decode empty'], 'prefill ok', 'finish from decode'],
  ],
  'prefill silent past the grace is not missed where decode has all': [
    ['a whole pair', ['decode ok'], 'grace over', 'finish from decode'],
    ['a streamed pair', ['decode ok'], 'grace over', 'finish from decode'],
    ['a whole pair', ['decode empty'], 'grace over', 'fail: stalled'],
    ['a merged whole', ['decode ok'], 'grace over', 'fail: stalled'],
    ['a merged stream', ['first token', 'decode empty'], 'grace over', 'fail: stalled'],
  ],
  'a grace that runs out late changes nothing': [
    ['a streamed pair', ['first token'], 'grace over', 'wait'],
    ['a whole pair', ['prefill ok'], 'grace over', 'wait'],
  ],
  'the first failing leg decides before the commit': [
    ['a streamed pair', [], 'prefill refused', 'fail: status'],
    ['a streamed pair', [], 'prefill lost', 'fail: transport'],
    ['a streamed pair', [], 'decode lost', 'fail: transport'],
    ['a streamed pair', ['prefill ok'], 'decode lost', 'fail: transport'],
    ['a whole pair', [], 'prefill refused', 'fail: status'],
    ['a whole pair', ['prefill ok'], 'decode lost', 'fail: transport'],
    ['a merged stream', ['first token'], 'prefill refused', 'fail: status'],
    ['a merged stream', ['first token'], 'prefill lost', 'fail: transport'],
    ['a merged stream', ['first token'], 'decode lost', 'fail: transport'],
    ['a streamed single', [], 'decode lost', 'fail: transport'],
    ['a whole single', [], 'decode lost', 'fail: transport'],
  ],
  'a prefill connection that breaks after decode has all loses nothing, unless its response is merged': [
    ['a whole pair', ['decode ok'], 'prefill lost', 'finish from decode'],
    ['a streamed pair', ['decode ok'], 'prefill lost', 'finish from decode'],
    ['a whole pair', ['decode empty'], 'prefill lost', 'fail: transport'],
    ['a merged whole', ['decode ok'], 'prefill lost', 'fail: transport'],
  ],
  'a prefill that says no is believed even when decode has all': [
    ['a whole pair', ['decode ok'], 'prefill refused', 'fail: status'],
  ],
  'prefill no longer matters after the commit': [
    ['a streamed pair', ['first token'], 'prefill ok', 'wait'],
    ['a streamed pair', ['first token'], 'prefill refused', 'wait'],
    ['a streamed pair', ['first token'], 'prefill lost', 'wait'],
  ],
  'a stream is broken off when prefill reports another prompt after the commit': [
    ['a streamed pair', ['first token'], 'prefill dummy', 'break: token-mismatch'],
    ['a streamed pair', ['first token'], 'prefill other', 'break: token-mismatch'],
  ],
  'so it is when decode counts its prompt late': [
    ['a streamed pair', ['prefill other', 'bare token'], 'decode counts', 'break: token-mismatch'],
    ['a streamed pair', ['bare token', 'decode counts'], 'prefill other', 'break: token-mismatch'],
    ['a streamed pair', ['bare token', 'prefill ok'], 'decode counts', 'wait'],
    ['a streamed pair', ['bare token', 'decode counts'], 'prefill ok', 'wait'],
    ['a merged stream', ['bare token', 'decode counts'], 'prefill other', 'fail: token-mismatch'],
    ['a merged stream', ['bare token', 'decode counts'], 'prefill ok', 'commit'],
    ['a streamed single', ['bare token'], 'decode counts', 'wait'],
    ['a streamed single', ['decode counts'], 'decode empty', 'fail: no-token'],
  ],
  'the end of a stream that is held waits for prefill, which can only be missed': [
    ['a streamed pair', ['first token'], 'decode held', 'wait-for-prefill'],
    ['a streamed pair', ['first token', 'decode held'], 'prefill ok', 'finish from decode'],
    ['a streamed pair', ['first token', 'decode held'], 'prefill other', 'break: token-mismatch'],
    ['a streamed pair', ['first token', 'decode held'], 'prefill refused', 'finish from decode'],
    ['a streamed pair', ['first token', 'decode held'], 'prefill lost', 'finish from decode'],
    ['a streamed pair', ['first token', 'decode held'], 'grace over', 'finish from decode'],
  ],
  'nothing is taken back after the commit: the stream ends well or breaks': [
    ['a streamed pair', ['first token'], 'decode empty', 'finish from decode'],
    ['a streamed pair', ['first token'], 'decode cut', 'break: protocol'],
    ['a streamed pair', ['first token'], 'decode lost', 'break: transport'],
    ['a merged stream', ['first token', 'prefill ok'], 'decode lost', 'break: transport'],
    ['a merged stream', ['prefill ok', 'first token'], 'decode cut', 'break: protocol'],
    ['a streamed single', ['first token'], 'decode empty', 'finish from decode'],
    ['a streamed single', ['first token'], 'decode lost', 'break: transport'],
  ],
  'a stream cut off before its commit failed': [
    ['a streamed pair', [], 'decode cut', 'fail: protocol'],
    ['a merged stream', ['first token'], 'decode cut', 'fail: protocol'],
    ['a streamed single', [], 'decode cut', 'fail: protocol'],
  ],
  'a response whose prefill counted other prompt tokens cannot be trusted': [
    ['a streamed pair', ['prefill dummy'], 'first token', 'fail: token-mismatch'],
    ['a streamed pair', ['prefill dummy'], 'decode ok', 'fail: token-mismatch'],
    ['a whole pair', ['prefill dummy'], 'decode ok', 'fail: token-mismatch'],
    ['a whole pair', ['decode ok'], 'prefill dummy', 'fail: token-mismatch'],
    ['a merged stream', ['first token'], 'prefill dummy', 'fail: token-mismatch'],
    ['a merged stream', ['first token', 'decode empty'], 'prefill dummy', 'fail: token-mismatch'],
  ],
  'prefill answers for a decode that had nothing to say': [
    ['a whole pair', ['decode short'], 'prefill ok', 'finish from prefill'],
    ['a whole pair', ['prefill ok'], 'decode short', 'finish from prefill'],
    ['a streamed pair', ['prefill ok'], 'decode short', 'finish from prefill'],
  ],
  'decode’s own end without a token is the truth': [
    ['a whole pair', ['prefill ok'], 'decode stopped', 'finish from decode'],
    ['a whole pair', ['decode stopped'], 'prefill ok', 'finish from decode'],
    ['a whole pair', ['decode stopped'], 'grace over', 'finish from decode'],
    ['a streamed pair', ['prefill ok'], 'decode stopped', 'finish from decode'],
    ['a whole pair', ['prefill empty'], 'decode short', 'finish from decode'],
    ['a whole pair', ['decode short'], 'grace over', 'fail: stalled'],
    ['a whole pair for no token', ['prefill ok'], 'decode short', 'finish from decode'],
    ['a whole pair for no token', ['decode short'], 'prefill ok', 'finish from decode'],
    ['a whole pair for no token', ['decode short'], 'grace over', 'finish from decode'],
    ['a streamed pair for no token', ['prefill ok'], 'decode short', 'finish from decode'],
    ['a whole single', [], 'decode short', 'finish from decode'],
  ],
  'a response without any token failed': [
    ['a whole pair', ['decode empty'], 'prefill empty', 'fail: no-token'],
    ['a whole pair', ['decode empty'], 'prefill ok', 'fail: no-token'],
    ['a whole pair', ['prefill ok'], 'decode empty', 'fail: no-token'],
    ['a streamed pair', ['prefill ok'], 'decode empty', 'fail: no-token'],
    ['a whole pair for no token', ['prefill ok'], 'decode empty', 'fail: no-token'],
    ['a streamed pair', ['prefill empty'], 'decode empty', 'fail: no-token'],
    ['a streamed single', [], 'decode empty', 'fail: no-token'],
    ['a whole single', [], 'decode empty', 'fail: no-token'],
  ],
}

for (const [rule, rows] of Object.entries(RULES)) {
  suite(rule, () => {
    for (const [setup, history, event, expected] of rows) {
      test(`${[setup, ...history].join(', ')}: ${event} → ${expected}`, () => {
        assert.equal(summaryOf(play(setup, [...history, event]).action), expected)
      })
    }
  })
}

suite('any attempt', () => {
  const histories = fc.array(fc.constantFrom(...namesOf(EVENTS)), { maxLength: 8 })

  const assertAlways = (check: (actions: readonly AttemptAction[], setup: SetupName) => void): void => {
    fc.assert(
      fc.property(fc.constantFrom(...namesOf(SETUPS)), histories, (setup, history) =>
        check(actionsOf(setup, history), setup),
      ),
      { seed: 11, numRuns: 2000 },
    )
  }

  test('commits at most once', () => {
    assertAlways(actions => assert.ok(actions.filter(action => action.kind === 'commit').length <= 1))
  })

  test('fails only before the commit and breaks only after it', () => {
    assertAlways(actions => {
      const kinds = new Set(actions.map(action => action.kind))
      if (kinds.has('break')) assert.ok(kinds.has('commit'))
      if (kinds.has('fail')) assert.ok(!kinds.has('commit'))
    })
  })

  test('gives the client prefill’s response only when nothing was committed', () => {
    assertAlways(actions => {
      const last = actions.at(-1)
      if (last?.kind !== 'finish' || last.from !== 'prefill') return
      assert.ok(actions.every(action => action.kind !== 'commit'))
    })
  })
})

test('a stream awaits prefill before its end only if there is something to compare', () => {
  const cases: readonly (readonly [setup: SetupName, history: readonly EventName[], expected: boolean])[] = [
    ['a streamed pair', ['first token'], true],
    ['a streamed pair', ['bare token', 'decode counts'], true],
    ['a streamed pair', ['bare token'], false],
    ['a streamed pair', ['first token', 'prefill ok'], false],
    ['a streamed pair', ['first token', 'prefill refused'], false],
    ['a streamed pair', ['first token', 'prefill lost'], false],
    ['a streamed single', ['first token'], false],
  ]
  for (const [setup, history, expected] of cases)
    assert.equal(awaitsPrefill(play(setup, history).state), expected, history.join(', '))
})

test('charges decode for a stream that ended too early', () => {
  const { action } = play('a streamed pair', ['first token', 'decode cut'])
  assert.equal(action.kind === 'break' && action.failure.error.leg, 'decode')
})

test('refuses a prompt that prefill has replaced by one token, and charges nobody', () => {
  for (const [setup, history] of [
    ['a whole pair', ['decode ok', 'prefill dummy']],
    ['a whole pair', ['prefill dummy', 'decode ok']],
    ['a streamed pair', ['prefill dummy', 'first token']],
    ['a streamed pair', ['first token', 'prefill dummy']],
  ] as const) {
    const { action } = play(setup, history)
    assert.ok(action.kind === 'fail' || action.kind === 'break')
    const { error, retry } = action.failure
    assert.deepEqual([error.status, retry.kind, chargeOf(action.failure)], [400, 'never', 'nobody'])
    assert.equal(error.message, 'The prompt of 7 tokens is too long for the prefill engine')
    assert.equal(error.leg, 'prefill')
  }
})

test('charges prefill for another prompt', () => {
  const { action } = play('a whole pair', ['decode ok', 'prefill other'])
  assert.ok(action.kind === 'fail')
  assert.deepEqual([action.failure.error.leg, chargeOf(action.failure)], ['prefill', 'prefill'])
})

/** What a timeout of the client or of the configuration leads to, and whom it is charged to. */
function timeout(
  setup: SetupName,
  history: readonly EventName[],
  timer: TimeoutEvent['timer'],
  isClientTimeout = false,
): string[] {
  const { state } = play(setup, history)
  const { action } = nextStep(state, { kind: 'timeout', timer, timeoutMs: 50, isClientTimeout })
  assert.ok(action.kind === 'fail' || action.kind === 'break')
  const { error } = action.failure
  return [action.kind, error.leg ?? '', chargeOf(action.failure)]
}

suite('a timeout', () => {
  const cases: readonly [what: string, actual: () => string[], expected: string[]][] = [
    [
      'without any response is charged to the pair',
      () => timeout('a streamed pair', [], 'first-token'),
      ['fail', 'decode', 'pair'],
    ],
    [
      'of a unary response names prefill, whose response is the first to arrive',
      () => timeout('a whole pair', [], 'first-token'),
      ['fail', 'prefill', 'pair'],
    ],
    [
      'after the response of prefill is charged to decode',
      () => timeout('a streamed pair', ['prefill ok'], 'first-token'),
      ['fail', 'decode', 'decode'],
    ],
    [
      'of a mixed engine is charged to that engine',
      () => timeout('a streamed single', [], 'first-token'),
      ['fail', 'decode', 'decode'],
    ],
    [
      'after the commit breaks the stream and is charged to decode',
      () => timeout('a streamed pair', ['first token'], 'silence'),
      ['break', 'decode', 'decode'],
    ],
    [
      'inside a body is charged to decode',
      () => timeout('a whole pair', [], 'body'),
      ['fail', 'decode', 'decode'],
    ],
    [
      'that the client made shorter is charged to nobody',
      () => timeout('a streamed pair', [], 'first-token', true),
      ['fail', 'decode', 'nobody'],
    ],
    [
      'after the commit that the client made shorter is charged to nobody',
      () => timeout('a streamed pair', ['first token'], 'silence', true),
      ['break', 'decode', 'nobody'],
    ],
  ]
  for (const [what, actual, expected] of cases) test(what, () => assert.deepEqual(actual(), expected))
})

test('a single engine merges nothing', () => {
  assert.equal(initialState(SETUPS['a whole single']).mergesPrefill, false)
})
