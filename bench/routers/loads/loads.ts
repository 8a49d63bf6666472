/** The loads of the router comparison and of the speed bench. Pure. */
import type { FleetPlan } from '../../environment/fleet/plan.ts'
import type { PlanInput } from '../../load/plan/plan.ts'
import type { LoadName, SpeedLoadName } from './names.ts'
import { CHUNKS_PER_STREAM, isStream, WRK_SHAPES, type WrkShape } from './wrk-loads.ts'

/**
 * Which engines a load runs against: canned ones respond at once, slow ones after a second, stressed ones are simulated
 * and fail. The burst has its own stressed engines and routers, so that no breaker is open from the loads before.
 */
export const ENVIRONMENT_NAMES = ['canned', 'slow', 'stressed', 'stressed-burst'] as const

export type EnvironmentName = (typeof ENVIRONMENT_NAMES)[number]

interface LoadBase {
  readonly name: string
  readonly environment: EnvironmentName
  /** What CPU time is divided by. */
  readonly unit: 'request' | 'chunk'
  /** Goal for the gateway: most CPU time as a multiple of that of the better Rust router. */
  readonly goal?: number
}

/** Sent by wrk, which is the fastest client but checks only the status. */
interface WrkLoad extends LoadBase {
  readonly kind: 'wrk'
  readonly shape: WrkShape
  /** Shortest round in which the slowest router completes its first requests. */
  readonly minSeconds: number
}

/** Sent by `bench/load`, which reads and checks every response to its end. */
export interface CheckedLoad extends LoadBase {
  readonly kind: 'checked'
  readonly plan: Omit<PlanInput, 'url'>
  /** Ends the round; requests that are still open then count as lost. */
  readonly limitMs: number
  /** Whether TTFT is compared with that of the engine without a router. */
  readonly hasDirect: boolean
}

export type Load = WrkLoad | CheckedLoad

/** Pause between the events of a stream of 101: 200 streams are open when 99 start per second. */
export const CHUNK_INTERVAL_MS = 20
const STREAMS = 200
const STREAM_SECONDS = (CHUNK_INTERVAL_MS * CHUNKS_PER_STREAM) / 1000
/** Pause between the two events of a slow engine's stream. */
export const SLOW_INTERVAL_MS = 1000
/** Above this number of connections a round of a slow router has to be longer. */
const MANY_CONNECTIONS = 500

/** Timeout of a client; a stressed engine gives up on its partner earlier. */
const REQUEST_LIMIT_MS = 40_000
const RUN_LIMIT_MS = 60_000
const WARM_UP_LIMIT_MS = 10_000

/**
 * Stressed engines. They read prompts fast, so that a run takes minutes, and a leg whose partner is gone waits 5 s
 * instead of SGLang's default of 300 s.
 */
export const STRESSED_FLEET: FleetPlan = {
  prefill: 2,
  decode: 2,
  mixed: 0,
  preset: 'stressed',
  script: undefined,
  knobs: { prefillMsPerToken: 0.005, waitingTimeoutMs: 5000, bootstrapTimeoutMs: 5000 },
}

/** Loads of the router comparison. `burst` is the number of concurrent requests of the largest one. */
export function loads({ seconds, burst }: { seconds: number; burst: number }): readonly Load[] {
  return [
    { ...comparedWrkLoad('small'), goal: 0.4 },
    { ...comparedWrkLoad('k32'), goal: 0.45 },
    comparedWrkLoad('c1000'),
    { ...pacedStreams(seconds), goal: 0.85 },
    slowStreams('c10k', burst),
    stressed('small-stressed', { requests: 1000, concurrency: 64, inputTokens: 100 }),
    stressed('k32-stressed', { requests: 200, concurrency: 64, inputTokens: 8000 }),
    stressed('streams-stressed', { requests: 1000, concurrency: 200, inputTokens: 100, isStream: true }),
    stressed('c1000-stressed', { requests: 2000, concurrency: 1000, inputTokens: 100 }),
    {
      ...stressed('c10k-stressed', { requests: burst, concurrency: burst, inputTokens: 100 }),
      environment: 'stressed-burst',
    },
  ]
}

/** Loads of the speed bench. */
export function speedLoads(names: readonly SpeedLoadName[]): readonly WrkLoad[] {
  return names.map(wrkLoad)
}

/**
 * The load sent before those of an environment, whose result is discarded: cold code costs twice as much. Loads against
 * canned engines discard their first round instead.
 */
export function warmUpOf(environment: EnvironmentName): CheckedLoad | undefined {
  switch (environment) {
    case 'canned':
      return undefined
    case 'slow':
      return { ...slowStreams('warm-up', 1000), limitMs: WARM_UP_LIMIT_MS }
    case 'stressed':
    case 'stressed-burst': {
      const shape = { requests: 1000, concurrency: 64, inputTokens: 100 }
      return { ...stressed('warm-up', shape), limitMs: WARM_UP_LIMIT_MS }
    }
  }
}

function comparedWrkLoad(name: LoadName & SpeedLoadName): WrkLoad {
  const load = wrkLoad(name)
  return load.shape.connections > MANY_CONNECTIONS ? { ...load, minSeconds: 5 } : load
}

function wrkLoad(name: SpeedLoadName): WrkLoad {
  const shape = WRK_SHAPES[name]
  const unit = isStream(shape) ? 'chunk' : 'request'
  return { kind: 'wrk', name, environment: 'canned', unit, shape, minSeconds: 1 }
}

function pacedStreams(seconds: number): CheckedLoad {
  const ratePerSecond = STREAMS / STREAM_SECONDS
  const durationMs = (seconds + STREAM_SECONDS) * 1000
  return {
    kind: 'checked',
    name: 'streams',
    environment: 'canned',
    unit: 'chunk',
    hasDirect: true,
    limitMs: durationMs + 10_000,
    plan: {
      ...streamed(),
      requests: Math.round((ratePerSecond * durationMs) / 1000),
      durationMs,
      arrivals: { kind: 'open', ratePerSecond },
    },
  }
}

/** All streams start at once and stay open for a second. */
function slowStreams(name: string, requests: number): CheckedLoad {
  const arrivals = { kind: 'closed', concurrency: requests } as const
  const plan = {
    ...streamed(),
    requests,
    arrivals,
    timeoutMs: REQUEST_LIMIT_MS,
    stallMs: REQUEST_LIMIT_MS,
  }
  return {
    kind: 'checked',
    name,
    environment: 'slow',
    unit: 'request',
    hasDirect: false,
    limitMs: RUN_LIMIT_MS,
    plan,
  }
}

/** Length of the prompts of canned engines, whose output does not depend on it. */
const PROMPT_BYTES = 512

/** Streams of canned engines. */
function streamed(): Pick<PlanInput, 'endpoint' | 'isStream' | 'dataset'> {
  const prompts = ['a'.repeat(PROMPT_BYTES)]
  const dataset = {
    kind: 'prompts',
    prompts,
    minTokens: CHUNKS_PER_STREAM,
    maxTokens: CHUNKS_PER_STREAM,
  } as const
  return { endpoint: 'generate', isStream: true, dataset }
}

interface StressedShape {
  readonly requests: number
  readonly concurrency: number
  readonly inputTokens: number
  readonly isStream?: boolean
}

function stressed(name: string, shape: StressedShape): CheckedLoad {
  const { requests, concurrency, inputTokens, isStream: streams = false } = shape
  return {
    kind: 'checked',
    name,
    environment: 'stressed',
    unit: streams ? 'chunk' : 'request',
    hasDirect: false,
    limitMs: RUN_LIMIT_MS,
    plan: {
      endpoint: 'chat',
      isStream: streams,
      requests,
      arrivals: { kind: 'closed', concurrency },
      dataset: { kind: 'random', inputTokens, outputTokens: 24 },
      scriptSeed: 0,
      timeoutMs: REQUEST_LIMIT_MS,
      stallMs: REQUEST_LIMIT_MS,
    },
  }
}
