/** From rounds to the rows of the table. Pure. */
import { costUs, ratioOf, spreadOf } from '../costs/ratio.ts'
import type { Load } from '../loads/loads.ts'
import type { Outcome } from '../costs/results.ts'
import { OURS, RUST_ROUTERS } from '../start/router-list.ts'
import type { PeerSample } from '../costs/sample.ts'

export interface PeerRow {
  readonly load: string
  readonly router: string
  readonly unit: Load['unit']
  /** Of all rounds; unset: none could be made. */
  readonly measured: Measured | undefined
  /** Why it could not take part, or what it did wrong. */
  readonly message: string | undefined
  /** Only of ours, where there is one. */
  readonly aim: number | undefined
}

/** Medians over the rounds, but for the share of right answers, which is of all. */
export interface Measured {
  readonly rightPercent: number
  readonly requestsPerSecond: number
  /** Unset for the engine without a router, and where nothing was done. */
  readonly costUs: number | undefined
  /** CPU as a share of the better Rust router's, round by round; unset where one of them lost requests. */
  readonly ratio: number | undefined
  readonly p50Ms: number
  readonly p99Ms: number
  /** TTFT beyond that of the engine without a router, round by round. */
  readonly addedP50Ms: number | undefined
  readonly addedP99Ms: number | undefined
  readonly rssMib: number | undefined
}

export function rowsOf(
  load: Load,
  outcomes: ReadonlyMap<string, Outcome>,
  names: { readonly routers: readonly string[]; readonly direct: string },
): PeerRow[] {
  const rust = betterRustRouter(outcomes)
  const direct = outcomes.get(names.direct)?.samples ?? []
  return [...names.routers, names.direct].flatMap(router => {
    const outcome = outcomes.get(router)
    if (outcome === undefined) return []
    const isRouter = router !== names.direct
    const measured = measuredOf(outcome.samples, { isRouter, rust, direct })
    const aim = router === OURS ? load.aim : undefined
    return [{ load: load.name, router, unit: load.unit, measured, message: messageOf(outcome), aim }]
  })
}

/** The rounds of the Rust router whose CPU is the least to beat; of the right ones, if there are such. */
function betterRustRouter(outcomes: ReadonlyMap<string, Outcome>): readonly PeerSample[] {
  const candidates = RUST_ROUTERS.flatMap(name => {
    const samples = outcomes.get(name)?.samples ?? []
    return samples.length > 0 && isAllRight(samples) ? [samples] : []
  })
  return candidates.toSorted((a, b) => (medianCostUs(a) ?? Infinity) - (medianCostUs(b) ?? Infinity))[0] ?? []
}

/** Of the rounds in which anything was done. */
function medianCostUs(samples: readonly PeerSample[]): number | undefined {
  const costs = samples.filter(({ units }) => units > 0).map(costUs)
  return costs.length === 0 ? undefined : spreadOf(costs).median
}

/** Nothing asked, nothing answered: a round that is too short for a slow router. */
function rightPercentOf(samples: readonly PeerSample[]): number {
  const asked = sumOf(samples, sample => sample.asked)
  return asked === 0 ? 0 : (100 * sumOf(samples, ({ right }) => right)) / asked
}

interface Others {
  readonly isRouter: boolean
  readonly rust: readonly PeerSample[]
  readonly direct: readonly PeerSample[]
}

function measuredOf(
  samples: readonly PeerSample[],
  { isRouter, rust, direct }: Others,
): Measured | undefined {
  if (samples.length === 0) return undefined
  const middle = (value: (sample: PeerSample) => number) => spreadOf(samples.map(value)).median
  const isComparable = isRouter && isAllRight(samples) && rust.length >= samples.length
  const added = (value: (sample: PeerSample) => number) =>
    isRouter && direct.length >= samples.length
      ? spreadOf(samples.map((sample, round) => value(sample) - valueAt(direct, round, value))).median
      : undefined
  return {
    rightPercent: rightPercentOf(samples),
    requestsPerSecond: middle(({ requestsPerSecond }) => requestsPerSecond),
    costUs: isRouter ? medianCostUs(samples) : undefined,
    ratio: isComparable ? ratioOf(samples, rust, 1).median : undefined,
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
    addedP50Ms: added(({ p50Ms }) => p50Ms),
    addedP99Ms: added(({ p99Ms }) => p99Ms),
    rssMib: isRouter ? middle(({ rssMib }) => rssMib) : undefined,
  }
}

function messageOf({ samples, failure }: Outcome): string | undefined {
  const complaints = samples.flatMap(({ complaint }) => complaint ?? [])
  return failure ?? complaints[0]
}

function isAllRight(samples: readonly PeerSample[]): boolean {
  return samples.every(({ asked, right, units }) => right === asked && units > 0)
}

function valueAt(samples: readonly PeerSample[], at: number, value: (sample: PeerSample) => number): number {
  const sample = samples[at]
  return sample === undefined ? Number.NaN : value(sample)
}

function sumOf(samples: readonly PeerSample[], value: (sample: PeerSample) => number): number {
  return samples.reduce((sum, sample) => sum + value(sample), 0)
}
