/** Entry of a router thread: the single task that its Piscina worker runs for its whole life. */
import { threadId } from 'node:worker_threads'
import type { Config } from '../src/config/config.ts'
import { neededRoles } from '../src/config/engines.ts'
import { trustAuthorities } from '../src/config/trust-authorities.ts'
import { availableMemoryBytes } from '../src/core/available-memory.ts'
import { processNowMs } from '../src/core/clock.ts'
import { BatchSender } from '../src/messages/channel.ts'
import { type Batch, decodeBatch, isBatch } from '../src/messages/codec.ts'
import type { RouterThreadTask, ThreadOrder, ThreadReport } from '../src/messages/thread.ts'
import { inputsOf, rolePolicies } from '../src/policy/role-policies.ts'
import { collectGarbage } from '../src/process/collect-garbage.ts'
import { RetryBudget } from '../src/resilience/retry-budget.ts'
import { BreakerCells } from '../src/shared/breaker-cells.ts'
import { SharedCounters } from '../src/shared/counters.ts'
import { EngineCaches } from '../src/shared/engine-caches.ts'
import { EngineSlots } from '../src/shared/engine-slots.ts'
import { beatEveryMs, Heartbeats } from '../src/shared/heartbeats.ts'
import { KvBlockIndex } from '../src/shared/kv-blocks/kv-block-index.ts'
import { LegJournal } from '../src/shared/leg-journal.ts'
import { LengthHistogram } from '../src/shared/length-histogram.ts'
import { PairHealth } from '../src/shared/pair-health.ts'
import { PrefixIndex } from '../src/shared/prefix-index.ts'
import { StickyKeys } from '../src/shared/sticky-keys.ts'
import { WaitingCounts } from '../src/shared/waiting-counts.ts'
import { createLogger } from '../src/telemetry/log.ts'
import { Recorder } from '../src/telemetry/recorder.ts'
import { Attempt } from './attempt/attempt.ts'
import { CollectedResponses } from './attempt/collected-responses.ts'
import { EngineAborts } from './attempt/engine-abort.ts'
import { RouterMetrics } from './attempt/metrics.ts'
import { ModelNews } from './engine-api/model-news.ts'
import { ExactCaches } from './kv-blocks/exact-caches.ts'
import { requestReading } from './policy/request-reading.ts'
import { RetryBudgetQueue } from './retry/budget-queue.ts'
import { RouterLoop } from './router-loop.ts'
import { Breakers } from './selection/breakers.ts'
import { CapacityQueue } from './selection/capacity-queue.ts'
import { PairSelector } from './selection/pair-selector.ts'
import { PromptCaches } from './selection/prompt-caches.ts'
import { PromptWork } from './selection/prompt-work.ts'
import { TurnQueue } from './turns/turn-queue.ts'
import { connectionsPerThread } from './upstream/socket-limits.ts'
import { Upstreams } from './upstream/upstreams.ts'

/** Share of the memory that responses may take by default while they are collected. */
const DEFAULT_COLLECTED_SHARE = 1 / 8

/** Resolves after a `close` order, once everything that the thread owns is closed. */
// oxlint-disable-next-line import/no-default-export -- Piscina runs the default export
export default async function runRouterThread(task: RouterThreadTask): Promise<void> {
  const { config, port, shared, thread } = task
  trustAuthorities(config.upstream.caFiles)
  const slots = new EngineSlots(shared)
  // Row 0 belongs to the main thread.
  const recorder = new Recorder(shared, thread + 1)
  const breakers = new Breakers(new BreakerCells(shared), config, {
    nowMs: processNowMs,
    generationOf: slot => slots.generation(slot),
    inFlightOf: slot => slots.inFlight(slot),
    onChange: (slot, to) => recorder.countEngine('pdgw_engine_breaker_transitions_total', slot, to),
  })
  const pairHealth = new PairHealth(shared, config.pairs)
  const metrics = new RouterMetrics(recorder)
  const caches = new EngineCaches(shared)
  const lengths = new LengthHistogram(shared, config.policy.bucketAdjustSecs)
  const inputs = inputsOf(config.policy, neededRoles(config))
  const knownCaches = new PromptCaches({
    isUsed: inputs.has('caches'),
    index: new PrefixIndex(shared),
    caches,
    exact: config.policy.kvEvents.enabled ? new ExactCaches(new KvBlockIndex(shared)) : undefined,
    thread,
    maxEngines: shared.maxEngines,
    nowMs: processNowMs,
    metrics,
  })
  const promptWork = new PromptWork({
    promptCaches: knownCaches,
    decodeCaches: rolePolicies(config.policy).decode === 'cache_aware',
    caches,
    lengths: inputs.has('length') ? lengths : undefined,
    thread,
    nowMs: processNowMs,
  })
  const sticky = new StickyKeys(shared, {
    slots,
    maxIdleSecs: config.policy.stickyIdleSecs,
    nowMs: processNowMs,
  })
  const pairSelector = new PairSelector(config, {
    slots,
    caches,
    sticky,
    lengths,
    counters: new SharedCounters(shared),
    breakers,
    pairHealth,
    random: Math.random,
    nowMs: processNowMs,
  })
  const budgetQueue = new RetryBudgetQueue(budgetOf(task), processNowMs)
  const upstreams = new Upstreams(config)
  const capacityQueue = new CapacityQueue({
    slots,
    waitingCounts: new WaitingCounts(shared),
    thread,
    admission: config.admission,
    maxLegs: connectionsPerThread(config),
  })
  const log = createLogger(config.log, `router-${thread}`)
  const aborts = new EngineAborts(upstreams, { config, log })
  log.onLinesLost(lines => recorder.count('pdgw_thread_lost_log_lines_total', '', lines))
  const sender = new BatchSender(port)
  const turns = new TurnQueue()
  const collected = new CollectedResponses({
    limitBytes: collectedResponseBytes(config) / shared.maxThreads,
    giveUp: id => loop.giveUpForMemory(id),
  })
  const journal = new LegJournal(shared, thread)
  const attemptDependencies = { config, upstreams, aborts, journal, metrics, turns, collected }
  const report = (message: ThreadReport): void => port.postMessage(message)
  const modelNews = new ModelNews({
    roles: neededRoles(config),
    refresh: () => report({ kind: 'new-models' }),
  })
  const loop = new RouterLoop(sender, {
    config,
    pairSelector,
    caches,
    promptWork,
    requestViews: { promptCaches: promptWork, prefixBytes: config.policy.prefixBytes },
    ...requestReading(config),
    upstreams,
    breakers,
    pairHealth,
    modelNews,
    turns,
    collected,
    budgetQueue,
    capacityQueue,
    random: Math.random,
    nowMs: processNowMs,
    log,
    metrics,
    createAttempt: (plan, events) => new Attempt(plan, events, attemptDependencies),
  })
  const closed = new Promise<void>(resolve => {
    port.on('message', (message: Batch | ThreadOrder) => {
      if (isBatch(message)) return decodeBatch(message, loop)
      if (message.kind === 'close') return resolve()
      if (message.kind === 'collect-garbage') return collectGarbage()
      if (message.kind === 'lost') return loop.giveUpOn(message.lost)
      // Orphans of a dead thread: the engines have read these requests long ago.
      if (message.kind === 'abort')
        return message.calls.forEach(call => aborts.send({ ...call, maybeUnread: false }))
      pairSelector.update(message.snapshot)
      knownCaches.makeRoom(pairSelector.ranks.size)
      modelNews.update(message.snapshot)
      upstreams.keepOnly(message.snapshot.engines)
    })
  })
  const heartbeats = new Heartbeats(shared)
  const beat = setInterval(() => {
    heartbeats.beat(thread)
    recorder.set('pdgw_router_upstream_sockets', upstreams.openSockets)
  }, beatEveryMs(config.server.threadStallMs))
  report({ kind: 'ready', threadId })
  await closed
  clearInterval(beat)
  loop.close()
  turns.close()
  budgetQueue.close()
  aborts.close()
  upstreams.destroy()
  log.close()
  port.close()
}

/** Of all router threads. */
function collectedResponseBytes({ limits }: Config): number {
  return limits.collectedResponseBytes || Math.floor(availableMemoryBytes() * DEFAULT_COLLECTED_SHARE)
}

/** The configured floor is for the whole gateway; each thread gets an equal part. */
function budgetOf({ config, shared }: RouterThreadTask): RetryBudget {
  const { budgetShare, budgetFloorPerSec } = config.retry
  return new RetryBudget({ share: budgetShare, floorPerSec: budgetFloorPerSec / shared.maxThreads })
}
