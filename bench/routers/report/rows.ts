/** Rows of the comparison table, computed from the rounds. Pure. */
import { costUs, ratioOf, spreadOf } from '../costs/ratio.ts'
import type { Outcome } from '../costs/results.ts'
import type { RouterSample } from '../costs/sample.ts'
import type { Load } from '../loads/loads.ts'
import { GATEWAY } from '../loads/names.ts'
import { RUST_ROUTERS } from '../start/router-list.ts'

export interface RouterRow {
  readonly load: string
  readonly router: string
  readonly unit: Load['unit']
  /** Figures over all rounds; undefined if no round could be run. */
  readonly measured: Measured | undefined
  /** Why the router could not be measured, or what it did wrong. */
  readonly message: string | undefined
  /** CPU goal of the load, in rows of the gateway. */
  readonly goal: number | undefined
}

/** Medians over the rounds, except for the share of correct responses, which covers all rounds. */
export interface Measured {
  readonly correctPercent: number
  readonly requestsPerSecond: number
  /** Undefined for the engine without a router, and if nothing was done. */
  readonly costUs: number | undefined
  /** CPU as a multiple of the better Rust router's, round by round; undefined if either failed requests. */
  readonly ratio: number | undefined
  readonly p50Ms: number
  readonly p99Ms: number
  /** TTFT minus that of the engine without a router, round by round. */
  readonly addedP50Ms: number | undefined
  readonly addedP99Ms: number | undefined
  readonly rssMib: number | undefined
}

export function rowsOf(
  load: Load,
  outcomes: ReadonlyMap<string, Outcome>,
  names: { readonly routers: readonly string[]; readonly direct: string },
): RouterRow[] {
  const rust = betterRustRouter(outcomes)
  const direct = outcomes.get(names.direct)?.samples ?? []
  return [...names.routers, names.direct].flatMap(router => {
    const outcome = outcomes.get(router)
    if (outcome === undefined) return []
    const isRouter = router !== names.direct
    const measured = measuredOf(outcome.samples, { isRouter, rust, direct })
    const goal = router === GATEWAY ? load.goal : undefined
    return [{ load: load.name, router, unit: load.unit, measured, message: messageOf(outcome), goal }]
  })
}

/** The samples of the Rust router with the lowest CPU cost, among those without failures. */
function betterRustRouter(outcomes: ReadonlyMap<string, Outcome>): readonly RouterSample[] {
  const candidates = RUST_ROUTERS.flatMap(name => {
    const samples = outcomes.get(name)?.samples ?? []
    return samples.length > 0 && areAllCorrect(samples) ? [samples] : []
  })
  return candidates.toSorted((a, b) => (medianCostUs(a) ?? Infinity) - (medianCostUs(b) ?? Infinity))[0] ?? []
}

/** Over the rounds in which anything was done. */
function medianCostUs(samples: readonly RouterSample[]): number | undefined {
  const costs = samples.filter(({ units }) => units > 0).map(costUs)
  return costs.length === 0 ? undefined : spreadOf(costs).median
}

/** 0 if nothing was sent, as in a round that is too short for a slow router. */
function correctPercentOf(samples: readonly RouterSample[]): number {
  const sent = sumOf(samples, sample => sample.sent)
  return sent === 0 ? 0 : (100 * sumOf(samples, ({ correct }) => correct)) / sent
}

interface Context {
  readonly isRouter: boolean
  readonly rust: readonly RouterSample[]
  readonly direct: readonly RouterSample[]
}

function measuredOf(
  samples: readonly RouterSample[],
  { isRouter, rust, direct }: Context,
): Measured | undefined {
  if (samples.length === 0) return undefined
  const median = (value: (sample: RouterSample) => number) => spreadOf(samples.map(value)).median
  const isComparable = isRouter && areAllCorrect(samples) && rust.length >= samples.length
  const added = (value: (sample: RouterSample) => number) =>
    isRouter && direct.length >= samples.length
      ? spreadOf(samples.map((sample, round) => value(sample) - valueAt(direct, round, value))).median
      : undefined
  return {
    correctPercent: correctPercentOf(samples),
    requestsPerSecond: median(({ requestsPerSecond }) => requestsPerSecond),
    costUs: isRouter ? medianCostUs(samples) : undefined,
    ratio: isComparable ? ratioOf(samples, rust, 1).median : undefined,
    p50Ms: median(({ p50Ms }) => p50Ms),
    p99Ms: median(({ p99Ms }) => p99Ms),
    addedP50Ms: added(({ p50Ms }) => p50Ms),
    addedP99Ms: added(({ p99Ms }) => p99Ms),
    rssMib: isRouter ? median(({ rssMib }) => rssMib) : undefined,
  }
}

function messageOf({ samples, failure }: Outcome): string | undefined {
  return failure ?? samples.find(({ failures }) => failures !== undefined)?.failures
}

function areAllCorrect(samples: readonly RouterSample[]): boolean {
  return samples.every(({ sent, correct, units }) => correct === sent && units > 0)
}

function valueAt(
  samples: readonly RouterSample[],
  index: number,
  value: (sample: RouterSample) => number,
): number {
  const sample = samples[index]
  return sample === undefined ? Number.NaN : value(sample)
}

function sumOf(samples: readonly RouterSample[], value: (sample: RouterSample) => number): number {
  return samples.reduce((sum, sample) => sum + value(sample), 0)
}
