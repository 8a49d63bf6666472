/** Chooses a pair for the next attempt of a request, takes its leases and builds the attempt. Sends nothing. */
import type { Engine } from '../../src/core/engine.ts'
import type { Random } from '../../src/core/random.ts'
import { RANK_HEADER, withoutHeader } from '../../src/messages/flat-headers.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'
import type { AttemptEvents, AttemptHandle, AttemptPlan } from '../attempt/plan.ts'
import type { Failure } from '../classify/failure.ts'
import { injectBootstrap } from '../connectors/bootstrap.ts'
import { injectMixed } from '../connectors/mixed.ts'
import { injectRanks } from '../connectors/ranks.ts'
import { DIALECTS } from '../dialects/dialects.ts'
import { type RequestViewOptions, requestViewOf } from '../policy/request-view.ts'
import { buildBody } from '../request/engine-body.ts'
import {
  type CapacityQueue,
  isCovered,
  type PairLeases,
  type PairReservation,
} from '../selection/capacity-queue.ts'
import { AttemptFeedback, type FeedbackDependencies } from '../selection/feedback.ts'
import type { ChosenPair, Pair, PairChoice, PairSelector } from '../selection/pair-selector.ts'
import { rejectionBy, unknownModel, unnamedModel, unservedEndpoint } from '../selection/preflight.ts'
import type { PromptWork } from '../selection/prompt-work.ts'
import type { EngineRequest } from './engine-request.ts'

export interface PrepareDependencies extends FeedbackDependencies {
  readonly pairSelector: Pick<PairSelector, 'choose'>
  readonly requestViews: RequestViewOptions
  readonly capacityQueue: Pick<CapacityQueue, 'hasRoom' | 'tryTake' | 'tryReserve'>
  readonly promptWork: Pick<PromptWork, 'start' | 'hold'>
  readonly random: Random
  readonly createAttempt: (plan: AttemptPlan, events: AttemptEvents) => AttemptHandle
}

/** How the next attempt differs from the first one. */
export interface AttemptNeeds {
  /** Slots of engines that have failed the request or asked for a pause: chosen only when no others are left. */
  readonly avoidedSlots: ReadonlySet<number>
  readonly freshConnection: boolean
  /** Whether the attempt may be made on this pair: a retry may need budget for it. */
  readonly mayUse: (pair: Pair) => boolean
}

/** Those of a request's first attempt. */
export const FIRST_ATTEMPT: AttemptNeeds = {
  avoidedSlots: new Set(),
  freshConnection: false,
  mayUse: () => true,
}

/** A pair with leases for the next attempt. */
export interface Room {
  readonly kind: 'room'
  readonly pair: Pair
  readonly leases: PairLeases
  /** Holds the probes that were claimed for the pair. */
  readonly feedback: AttemptFeedback
  readonly freshConnection: boolean
}

type NoRoom =
  /** The engines, or the connections of this thread, are at their limit. */
  | { readonly kind: 'full' }
  /** A retry that no sound pair would take, and for which there is no budget. */
  | { readonly kind: 'over-budget' }
  | { readonly kind: 'no-engine'; readonly missing: string }
  /** No engine would serve the request. */
  | { readonly kind: 'rejected'; readonly failure: Failure }

const FULL: NoRoom = { kind: 'full' }
const OVER_BUDGET: NoRoom = { kind: 'over-budget' }

/** `reservation`: the room that the attempt has claimed, if any, which may also find other. Released by the caller if unused. */
export function findRoom(
  request: EngineRequest,
  needs: AttemptNeeds,
  dependencies: PrepareDependencies,
  reservation?: PairReservation,
): Room | NoRoom {
  return reservation !== undefined && isCovered(reservation)
    ? reservedRoom(reservation, request, needs, dependencies)
    : chooseRoom(request, needs, dependencies)
}

/** Builds the attempt, which must be started: it owns the leases of the room. */
export function attemptIn(
  { pair, leases, freshConnection }: Room,
  request: EngineRequest,
  events: AttemptEvents,
  { promptWork, random, createAttempt }: PrepareDependencies,
): AttemptHandle {
  if (pair.prefill !== undefined) leases.decode.keepWork(promptWork.hold(request.prompt, pair.decode))
  return createAttempt({ ...planOf(request, pair, random), leases, freshConnection }, events)
}

/** Until it becomes a room, the reservation keeps its leases. */
function reservedRoom(
  { pair, leases }: PairReservation,
  request: EngineRequest,
  needs: AttemptNeeds,
  dependencies: PrepareDependencies,
): Room | NoRoom {
  if (!needs.mayUse(pair)) return OVER_BUDGET
  const failure = rejectionBy(pair, request)
  if (failure !== undefined) return { kind: 'rejected', failure }
  const feedback = new AttemptFeedback(pair, [], dependencies)
  return { kind: 'room', pair, leases, feedback, freshConnection: needs.freshConnection }
}

function chooseRoom(
  request: EngineRequest,
  needs: AttemptNeeds,
  dependencies: PrepareDependencies,
): Room | NoRoom {
  const { capacityQueue } = dependencies
  const hasRoom = (engine: Engine): boolean => capacityQueue.hasRoom(engine)
  const choice = chooseFor(request, needs.avoidedSlots, dependencies, hasRoom)
  if (choice.kind !== 'pair') return withoutPair(choice, request)
  const feedback = new AttemptFeedback(choice.pair, choice.probes, dependencies)
  const leases = needs.mayUse(choice.pair) ? takeLeases(request, choice, dependencies) : OVER_BUDGET
  if ('kind' in leases) {
    feedback.abandoned()
    return leases
  }
  return { kind: 'room', pair: choice.pair, leases, feedback, freshConnection: needs.freshConnection }
}

/** Chooses among all engines, full ones included, or only among those with room. */
function chooseFor(
  request: EngineRequest,
  avoidedSlots: ReadonlySet<number>,
  { pairSelector, requestViews }: PrepareDependencies,
  hasRoom?: (engine: Engine) => boolean,
): PairChoice {
  const { serves, pins } = request
  const seen = { serves, request: requestViewOf(request, requestViews), pins }
  return pairSelector.choose(request.fields.model, avoidedSlots, hasRoom, seen)
}

function withoutPair(choice: Exclude<PairChoice, { kind: 'pair' }>, request: EngineRequest): NoRoom {
  switch (choice.kind) {
    case 'full':
      return FULL
    case 'none':
      return { kind: 'no-engine', missing: choice.missing }
    case 'unknown-model':
      return { kind: 'rejected', failure: unknownModel(request.fields.model) }
    case 'unserved':
      return { kind: 'rejected', failure: unservedEndpoint(request.path) }
    case 'unnamed-model':
      return { kind: 'rejected', failure: unnamedModel(choice.models) }
  }
}

/** Reserves room for the next attempt on a pair that is still full. `undefined` when there is none to reserve. */
export function reserveRoom(
  request: EngineRequest,
  { avoidedSlots }: AttemptNeeds,
  dependencies: PrepareDependencies,
): PairReservation | undefined {
  const choice = chooseFor(request, avoidedSlots, dependencies)
  if (choice.kind !== 'pair') return undefined
  // A probe would expire before there is room.
  new AttemptFeedback(choice.pair, choice.probes, dependencies).abandoned()
  return dependencies.capacityQueue.tryReserve(choice.pair)
}

function takeLeases(
  request: EngineRequest,
  { pair }: ChosenPair,
  { capacityQueue }: PrepareDependencies,
): PairLeases | NoRoom {
  const failure = rejectionBy(pair, request)
  if (failure !== undefined) return { kind: 'rejected', failure }
  return capacityQueue.tryTake(pair) ?? FULL
}

/** Messages say it at their start already, if the engine knows it then: that is enough where nothing is compared. */
function awaitsUsage({ endpoint, fields }: EngineRequest, { prefill }: Pair): boolean {
  if (!fields.isStream) return false
  return endpoint === 'messages' ? prefill !== undefined : fields.includesUsage || endpoint === 'responses'
}

function mergesPrefill({ fields }: EngineRequest, { prefill }: Pair): boolean {
  return fields.prefillLogprobs !== undefined && prefill !== undefined
}

function planOf(
  request: EngineRequest,
  pair: Pair,
  random: Random,
): Omit<AttemptPlan, 'leases' | 'freshConnection'> {
  const { id, path, headers, timeouts, body, fields, edits, isPromptOfBatch } = request
  const injected = pair.prefill ? injectBootstrap(pair.prefill, random) : injectMixed()
  const legs = injectRanks(pair, injected, request.pins)
  return {
    path,
    isStream: fields.isStream,
    dialect: DIALECTS[request.endpoint],
    showsProgress: fields.isStream && !fields.mayHoldBack,
    mergesPrefill: mergesPrefill(request, pair),
    awaitsUsage: awaitsUsage(request, pair),
    wantsToken: !fields.sampling.values.some(({ isTokenless }) => isTokenless),
    isBatch: isPromptOfBatch,
    prefill: pair.prefill,
    decode: pair.decode,
    exchangeId: id,
    rid: injected.rid,
    takesRid: fields.ridKey !== undefined,
    headers: withRank(headers, legs?.headers),
    timeouts,
    body: buildBody(body, fields, legs?.decode ?? injected, edits),
    prefillBody: legs?.prefill && buildBody(body, fields, legs.prefill, edits),
  }
}

/** `named`: the header that names the rank, which takes the place of the client's. */
function withRank(headers: FlatHeaders, named: FlatHeaders = []): FlatHeaders {
  return named.length === 0 ? headers : [...withoutHeader(headers, RANK_HEADER), ...named]
}
