/** A retry loop on fake pairs and fake attempts, with a clock that moves by hand and a seeded random number generator. */
import type { TestContext } from 'node:test'
import { type ConfigInput, configSchema } from '../../../../src/config/config.ts'
import type { Engine } from '../../../../src/core/engine.ts'
import { seededRandom } from '../../../../src/core/random.ts'
import { RetryBudget } from '../../../../src/resilience/retry-budget.ts'
import { EngineSlots } from '../../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import type { AttemptEvents, AttemptPlan } from '../../../../workers/attempt/plan.ts'
import type { Failure } from '../../../../workers/classify/failure.ts'
import { readFields } from '../../../../workers/request/fields.ts'
import { readTimeouts } from '../../../../workers/request/timeouts.ts'
import { RetryBudgetQueue } from '../../../../workers/retry/budget-queue.ts'
import { RetryLoop } from '../../../../workers/retry/retry-loop.ts'
import { CapacityQueue, type PairLeases } from '../../../../workers/selection/capacity-queue.ts'
import type { Pair, PairChoice } from '../../../../workers/selection/pair-selector.ts'
import { chargeOf } from '../../../support/charge-of.ts'
import { engineOf } from '../../../support/engines.ts'

const PREFILL = engineOf({ slot: 0, role: 'prefill', maxInputTokens: 8 })
const DECODE = engineOf({ slot: 1, maxRunning: 2 })
/** Where its attempts wait for room, unless they avoid engines. */
export const LINE_KEY = { model: 'model', engines: 'model' }
/** Runs two requests at once. */
export const PAIR = { prefill: PREFILL, decode: DECODE }
export const OTHER_PAIR = { prefill: PREFILL, decode: engineOf({ slot: 2, maxRunning: 2 }) }
/** The probe that the selector claims with each pair. */
const PROBE = { slot: DECODE.slot, untilMs: 1 }

export const HEAD = { status: 200, headers: [], prefillBody: undefined, rid: '' }

/** Before any retry: the backoff after the first failure, without jitter. */
export const BACKOFF_MS = 100

const CONFIG: ConfigInput = {
  retry: {
    maxRetries: 2,
    initialBackoffMs: BACKOFF_MS,
    maxBackoffMs: 1000,
    backoffMultiplier: 2,
    jitterFactor: 0,
  },
  timeouts: { engineWaitMs: 1000 },
}

export interface FakeAttempt {
  readonly plan: AttemptPlan
  /** Drives the loop as an attempt would. */
  readonly events: AttemptEvents
  /** Calls of the loop, in order. */
  readonly calls: string[]
  /** Ends the attempt before a byte was forwarded. */
  readonly fail: (failure: Failure) => void
}

export interface RetrySetup {
  readonly loop: RetryLoop
  readonly attempts: readonly FakeAttempt[]
  /** The attempt that was started last. */
  readonly latest: () => FakeAttempt
  /** What the handler of the client was called with. */
  readonly handled: string[]
  /** What was reported to breakers and pair health, including probes. */
  readonly feedback: string[]
  readonly metrics: string[]
  readonly log: string[]
  /** For each choice, the slots that were to be avoided. */
  readonly avoided: number[][]
  readonly capacityQueue: CapacityQueue
  /** Moves the clock in steps of 5 ms and runs the timers that are due. */
  readonly pass: (ms: number) => void
  /** Sets what the next choices return; `serves`: whether an engine has the API, if the request needs that. */
  readonly choose: (next: (serves?: Serves) => PairChoice) => void
  /** Sets which pairs are sound; none is at first. */
  readonly soundPairs: (next: (pair: Pair) => boolean) => void
  /** A number by slot that changes when the engine answers. */
  readonly answers: Map<number, number>
}

export type Serves = (engine: Engine) => boolean

export interface RetryOptions {
  readonly serves?: Serves
  readonly body?: object
  readonly deadlineMs?: number
  /** Retries that the budget of the thread allows per second. */
  readonly budgetPerSec?: number
  /** What happens to a retry beyond it; it waits by default. */
  readonly overBudget?: 'fail' | 'wait'
  /** Connections of the thread; two per attempt. */
  readonly maxLegs?: number
}

/** Takes all room of `PAIR`. Returns what gives each of it back. */
export function fillPair(queue: CapacityQueue): (() => void)[] {
  return [queue.tryTake(PAIR), queue.tryTake(PAIR)].map(leases => {
    if (leases === undefined) throw new Error('the pair was not free')
    return () => free(leases)
  })
}

export function pairChoice(): PairChoice {
  return { kind: 'pair', pair: PAIR, probes: [PROBE] }
}

function noPair(): boolean {
  return false
}

export function setUpRetries(t: TestContext, options: RetryOptions = {}): RetrySetup {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] })
  const clock = { nowMs: 0 }
  const nowMs = (): number => clock.nowMs
  const { overBudget = 'wait' } = options
  const config = configSchema.parse({ ...CONFIG, retry: { ...CONFIG.retry, overBudget } })
  const budget = new RetryBudget({ share: 0, floorPerSec: options.budgetPerSec ?? 100 })
  const budgetQueue = new RetryBudgetQueue(budget, nowMs)
  const slots = new EngineSlots(createSharedMemory(8, 1))
  const { maxLegs = Infinity } = options
  const { admission } = config
  const waitingCounts = { set: () => undefined }
  const capacityQueue = new CapacityQueue({
    slots,
    waitingCounts,
    thread: 0,
    admission,
    maxLegs,
  })
  t.after(() => budgetQueue.close())

  const [attempts, handled, feedback]: [FakeAttempt[], string[], string[]] = [[], [], []]
  const [metrics, log, avoided]: [string[], string[], number[][]] = [[], [], []]
  let choose: (serves?: Serves) => PairChoice = pairChoice
  let isSound: (pair: Pair) => boolean = noPair
  const answers = new Map<number, number>()

  const loop = new RetryLoop(
    requestOf(options),
    {
      onResponse: (_, body) => handled.push(`response ${Buffer.from(body).toString()}`),
      onHead: () => handled.push('head'),
      onData: bytes => handled.push(`data ${Buffer.from(bytes).toString()}`),
      onEnd: () => handled.push('end'),
      onError: ({ error }) => handled.push(`error ${error.code}`),
      onReportedError: ({ error }) => handled.push(`reported ${error.code}`),
      onStreamError: ({ error }) => handled.push(`stream error ${error.code}`),
    },
    {
      config,
      budgetQueue,
      capacityQueue,
      promptWork: { start: () => undefined, hold: () => undefined, noteCached: () => true },
      requestViews: { promptCaches: { viewOf: () => undefined }, prefixBytes: 1024 },
      pairSelector: {
        queueKeyOf: () => 'model',
        servedBy: () => '',
        isSound: pair => isSound(pair),
        isHealthy: () => true,
        choose: (_, avoidedSlots, hasRoom, inputs) => {
          avoided.push([...avoidedSlots])
          const choice = choose(inputs?.serves)
          const isFull = choice.kind === 'pair' && hasRoom?.(choice.pair.decode) === false
          return isFull ? { kind: 'full' } : choice
        },
      },
      breakers: {
        answers: slot => answers.get(slot) ?? 0,
        noteAnswer: ({ slot }) => answers.set(slot, (answers.get(slot) ?? 0) + 1),
        record: ({ slot }, outcome) => feedback.push(`${outcome} ${slot}`),
        settle: ({ slot }, outcome) => feedback.push(`probe ${outcome} ${slot}`),
      },
      pairHealth: {
        succeeded: () => feedback.push('pair good'),
        failed: () => feedback.push('pair failed'),
      },
      random: seededRandom(7),
      nowMs,
      metrics: {
        attemptStarted: () => metrics.push('started'),
        attemptFailed: (failure, engines) =>
          metrics.push(`failed ${chargeOf(failure)} ${engines.map(({ slot }) => slot).join()}`.trim()),
        promptComputed: () => metrics.push('computed'),
        retried: ({ cause }) => metrics.push(`retried ${cause}`),
      },
      log: {
        isDebug: false,
        warn: (_: object, message: string) => log.push(message),
        // Every attempt has a line, which says no more than what the metrics of the test have.
        debug: (_: object, message: string) => {
          if (message !== 'attempt started') log.push(message)
        },
      },
      createAttempt: (plan, events) => {
        const calls: string[] = []
        const release = (): void => free(plan.leases)
        const fail = (failure: Failure): void => {
          release()
          events.onError(failure)
        }
        attempts.push({ plan, events, calls, fail })
        return {
          start: () => calls.push('start'),
          abort: () => {
            calls.push('abort')
            release()
          },
          requestAbort: () => calls.push('requestAbort'),
          pause: () => calls.push('pause'),
          giveUpOn: () => calls.push('give up'),
          resume: () => calls.push('resume'),
        }
      },
    },
  )
  return {
    loop,
    attempts,
    handled,
    feedback,
    metrics,
    log,
    avoided,
    capacityQueue,
    latest: () => {
      const latest = attempts.at(-1)
      if (latest === undefined) throw new Error('no attempt was started')
      return latest
    },
    pass: ms => {
      for (let step = 0; step < ms; step += 5) {
        clock.nowMs += 5
        t.mock.timers.tick(5)
      }
    },
    choose: next => {
      choose = next
    },
    soundPairs: next => {
      isSound = next
    },
    answers,
  }
}

function requestOf({ body = {}, deadlineMs = 60_000, serves }: RetryOptions) {
  const bytes = Buffer.from(JSON.stringify({ stream: true, ...body }))
  const fields = readFields('generate', bytes)
  return {
    endpoint: 'generate',
    path: '/generate',
    headers: [],
    body: bytes,
    fields,
    prompt: undefined,
    key: undefined,
    serves,
    edits: [],
    isPromptOfBatch: false,
    timeouts: readTimeouts([], configSchema.parse({}).timeouts).timeouts,
    deadlineMs,
    id: 7,
    label: 'seven',
  } as const
}

export function free({ prefill, decode }: PairLeases): void {
  prefill?.release()
  decode.release()
}
