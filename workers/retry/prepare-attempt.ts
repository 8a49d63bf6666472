/** Chooses a pair for the next attempt of a request, takes its leases and builds the attempt. Sends nothing. */
import type { Role } from '../../src/core/engine.ts'
import type { Random } from '../../src/core/random.ts'
import type { AttemptEvents, AttemptHandle, AttemptPlan } from '../attempt/plan.ts'
import type { Failure } from '../classify/failure.ts'
import { injectBootstrap } from '../connectors/bootstrap.ts'
import { injectMixed } from '../connectors/mixed.ts'
import { buildBody } from '../request/engine-body.ts'
import type { CapacityQueue, PairLeases } from '../selection/capacity-queue.ts'
import { AttemptFeedback, type FeedbackDependencies } from '../selection/feedback.ts'
import type { ChosenPair, Pair, PairSelector } from '../selection/pair-selector.ts'
import { findTooLong, unknownModel, unnamedModel } from '../selection/preflight.ts'
import type { EngineRequest } from './engine-request.ts'

export interface PrepareDependencies extends FeedbackDependencies {
  readonly pairSelector: Pick<PairSelector, 'choose' | 'queueKeyOf'>
  readonly capacityQueue: Pick<CapacityQueue, 'hasRoom' | 'tryTake'>
  readonly random: Random
  readonly createAttempt: (plan: AttemptPlan, events: AttemptEvents) => AttemptHandle
}

/** How the next attempt differs from the first one. */
export interface AttemptNeeds {
  /** Slots of the engines that earlier failures were charged to. They are chosen only when no others are left. */
  readonly avoidedSlots: ReadonlySet<number>
  readonly freshConnection: boolean
  /** Whether the attempt may be made on this pair: a retry may need budget for it. */
  readonly mayUse: (pair: Pair) => boolean
}

export interface ReadyAttempt {
  readonly kind: 'ready'
  /** Holds the leases, so it must be started. */
  readonly attempt: AttemptHandle
  readonly pair: Pair
  /** Holds the probes that were claimed for the pair. */
  readonly feedback: AttemptFeedback
}

export type PreparedAttempt =
  | ReadyAttempt
  /** The engines, or the connections of this thread, are at their limit. */
  | { readonly kind: 'full' }
  | { readonly kind: 'over-budget' }
  | { readonly kind: 'no-engine'; readonly missing: Role }
  /** No engine would serve the request. */
  | { readonly kind: 'rejected'; readonly failure: Failure }

const FULL: PreparedAttempt = { kind: 'full' }
const OVER_BUDGET: PreparedAttempt = { kind: 'over-budget' }

export function prepareAttempt(
  request: EngineRequest,
  needs: AttemptNeeds,
  events: AttemptEvents,
  dependencies: PrepareDependencies,
): PreparedAttempt {
  const { pairSelector, capacityQueue } = dependencies
  const { model, batchSize: weight = 1 } = request.fields
  const choice = pairSelector.choose(model, needs.avoidedSlots, engine =>
    capacityQueue.hasRoom(engine, weight),
  )
  switch (choice.kind) {
    case 'full':
      return FULL
    case 'none':
      return { kind: 'no-engine', missing: choice.missing }
    case 'unknown-model':
      return { kind: 'rejected', failure: unknownModel(model) }
    case 'unnamed-model':
      return { kind: 'rejected', failure: unnamedModel(choice.models) }
    case 'pair': {
      const feedback = new AttemptFeedback(choice.pair, choice.probes, dependencies)
      const leases = needs.mayUse(choice.pair) ? takeLeases(request, choice, dependencies) : OVER_BUDGET
      if ('kind' in leases) {
        feedback.abandoned()
        return leases
      }
      const plan = { ...planOf(request, choice.pair, needs, dependencies), leases }
      return { kind: 'ready', attempt: dependencies.createAttempt(plan, events), pair: choice.pair, feedback }
    }
  }
}

function takeLeases(
  { fields }: EngineRequest,
  { pair }: ChosenPair,
  { capacityQueue }: PrepareDependencies,
): PairLeases | PreparedAttempt {
  const tooLong = findTooLong(fields, pair)
  if (tooLong !== undefined) return { kind: 'rejected', failure: tooLong }
  return capacityQueue.tryTake(pair, fields.batchSize ?? 1) ?? FULL
}

function planOf(
  request: EngineRequest,
  pair: Pair,
  { freshConnection }: AttemptNeeds,
  { random }: PrepareDependencies,
): Omit<AttemptPlan, 'leases'> {
  const { id, endpoint, path, headers, timeouts, body, fields, singleSample } = request
  const injected = pair.prefill
    ? injectBootstrap(pair.prefill, fields.batchSize, random)
    : injectMixed(fields.batchSize)
  return {
    path,
    isStream: fields.isStream,
    mergesPrefill: fields.prefillLogprobs !== undefined && pair.prefill !== undefined,
    isBatch: endpoint === 'generate' && fields.batchSize !== undefined && !singleSample,
    prefill: pair.prefill,
    decode: pair.decode,
    exchangeId: id,
    rids: typeof injected.rid === 'string' ? [injected.rid] : injected.rid,
    headers,
    timeouts,
    body: buildBody(body, fields, injected, { singleSample }),
    freshConnection,
  }
}
