/** What the routers are loaded with, and which aim each load has. Pure. */
import type { PlanInput } from '../../load/plan.ts'
import { CHUNKS_PER_STREAM, SCENARIOS, type Scenario } from './wrk-loads.ts'
import type { FleetPlan } from '../../environment/fleet/plan.ts'

/**
 * Where a load is played: canned engines answer at once, slow ones after a second, stressed ones are simulated and
 * fail. The burst has stressed engines and routers of its own, so that no breaker is open from the loads before.
 */
export type StageName = 'canned' | 'slow' | 'stressed' | 'stressed-burst'

export const STAGE_NAMES: readonly StageName[] = ['canned', 'slow', 'stressed', 'stressed-burst']

interface LoadBase {
  readonly name: string
  readonly stage: StageName
  /** What CPU is counted for. */
  readonly unit: 'request' | 'chunk'
  /** The most that our CPU may be, as a share of the better Rust router's. */
  readonly aim?: number
}

/** wrk sends it: fastest, looks at the status alone. */
interface WrkLoad extends LoadBase {
  readonly kind: 'wrk'
  readonly scenario: Scenario
  /** Shortest round: the slowest router answers its first requests within it. */
  readonly leastSeconds: number
}

/** `bench/load` sends it, and reads every answer to its end. */
export interface CheckedLoad extends LoadBase {
  readonly kind: 'checked'
  readonly plan: Omit<PlanInput, 'url'>
  /** Past this the run is ended; what has not come by then is lost. */
  readonly limitMs: number
  /** TTFT is set against that of the engine asked without a router. */
  readonly hasDirect: boolean
}

export type Load = WrkLoad | CheckedLoad

/** How the events of a stream of 101 are paced: 200 of them are open when 99 begin a second. */
export const CHUNK_INTERVAL_MS = 20
const STREAMS = 200
const STREAM_SECONDS = (CHUNK_INTERVAL_MS * CHUNKS_PER_STREAM) / 1000
/** A slow engine's stream has two events, so far apart. */
export const SLOW_INTERVAL_MS = 1000

/** A client may wait so long; a stressed engine gives up on its partner earlier. */
const REQUEST_LIMIT_MS = 40_000
const RUN_LIMIT_MS = 60_000
const WARM_UP_LIMIT_MS = 10_000

/**
 * Stressed engines. Prompts are read fast, so that a run fits into minutes; a leg whose partner is gone waits 5 s
 * where SGLang's default is 300 s.
 */
export const STRESSED_FLEET: FleetPlan = {
  prefill: 2,
  decode: 2,
  preset: 'stressed',
  script: undefined,
  knobs: { prefillMsPerToken: 0.005, waitingTimeoutMs: 5000, bootstrapTimeoutMs: 5000 },
}

export const LOAD_NAMES = loads({ seconds: 1, burst: 1 }).map(({ name }) => name)

/** `burst`: how many requests the largest load has at once. */
export function loads({ seconds, burst }: { seconds: number; burst: number }): readonly Load[] {
  return [
    { ...wrk('small'), aim: 0.4 },
    { ...wrk('k32'), aim: 0.45 },
    wrk('c1000'),
    { ...pacedStreams(seconds), aim: 0.85 },
    slowStreams('c10k', burst),
    stressed('small-stressed', { requests: 1000, concurrency: 64, inputTokens: 100 }),
    stressed('k32-stressed', { requests: 200, concurrency: 64, inputTokens: 8000 }),
    stressed('streams-stressed', { requests: 1000, concurrency: 200, inputTokens: 100, isStream: true }),
    stressed('c1000-stressed', { requests: 2000, concurrency: 1000, inputTokens: 100 }),
    {
      ...stressed('c10k-stressed', { requests: burst, concurrency: burst, inputTokens: 100 }),
      stage: 'stressed-burst',
    },
  ]
}

/** What is sent first and thrown away: cold code costs twice. Loads of canned engines throw their first round away. */
export function warmUpOf(stage: StageName): CheckedLoad | undefined {
  switch (stage) {
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

function wrk(name: string): WrkLoad {
  const scenario = SCENARIOS.find(one => one.name === name)
  if (scenario === undefined) throw new RangeError(`bench/speed has no scenario ${name}`)
  const leastSeconds = scenario.connections > 500 ? 5 : 1
  return { kind: 'wrk', name, stage: 'canned', unit: 'request', scenario, leastSeconds }
}

function pacedStreams(seconds: number): CheckedLoad {
  const ratePerSecond = STREAMS / STREAM_SECONDS
  const beginForMs = (seconds + STREAM_SECONDS) * 1000
  return {
    kind: 'checked',
    name: 'streams',
    stage: 'canned',
    unit: 'chunk',
    hasDirect: true,
    limitMs: beginForMs + 10_000,
    plan: {
      ...streamed(512),
      requests: Math.round((ratePerSecond * beginForMs) / 1000),
      durationMs: beginForMs,
      arrivals: { kind: 'open', ratePerSecond },
    },
  }
}

/** All at once, and all open for a second. */
function slowStreams(name: string, requests: number): CheckedLoad {
  const arrivals = { kind: 'closed', concurrency: requests } as const
  const plan = {
    ...streamed(512),
    requests,
    arrivals,
    timeoutMs: REQUEST_LIMIT_MS,
    stallMs: REQUEST_LIMIT_MS,
  }
  return {
    kind: 'checked',
    name,
    stage: 'slow',
    unit: 'request',
    hasDirect: false,
    limitMs: RUN_LIMIT_MS,
    plan,
  }
}

/** Of canned engines: what they say does not depend on the prompt. */
function streamed(bytes: number): Pick<PlanInput, 'endpoint' | 'isStream'> & Pick<PlanInput, 'dataset'> {
  const prompts = ['a'.repeat(bytes)]
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
  const { requests, concurrency, inputTokens, isStream = false } = shape
  return {
    kind: 'checked',
    name,
    stage: 'stressed',
    unit: isStream ? 'chunk' : 'request',
    hasDirect: false,
    limitMs: RUN_LIMIT_MS,
    plan: {
      endpoint: 'chat',
      isStream,
      requests,
      arrivals: { kind: 'closed', concurrency },
      dataset: { kind: 'random', inputTokens, outputTokens: 24 },
      scriptSeed: 0,
      timeoutMs: REQUEST_LIMIT_MS,
      stallMs: REQUEST_LIMIT_MS,
    },
  }
}
