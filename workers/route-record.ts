/**
 * Records which engines a request was sent to, why, and how often, for the response headers that the operator may ask
 * for.
 */
import type { Engine } from '../src/core/engine.ts'
import type { FlatHeaders } from '../src/messages/types.ts'
import type { RouterMetrics } from './attempt/metrics.ts'
import type { FanOutDependencies } from './samples/fan-out.ts'
import type { Pair } from './selection/pair-selector.ts'

export class RouteRecord {
  #attempts = 0
  readonly #keepsAll: boolean
  #urls: string[] = []
  #route = ''

  /** With `keepsAll` the engines of all attempts are named, otherwise only those of the last one. */
  constructor(keepsAll: boolean) {
    this.#keepsAll = keepsAll
  }

  /** `cachedShare`: of the prompt, as far as it was expected to be cached, 0 to 1. */
  attemptStarted(pair: Pair, cachedShare: number | undefined): void {
    this.#attempts++
    if (!this.#keepsAll) this.#urls = []
    for (const engine of [pair.prefill, pair.decode]) {
      if (engine !== undefined && !this.#urls.includes(engine.url)) this.#urls.push(engine.url)
    }
    this.#route = routeOf(pair, cachedShare)
  }

  headers(): FlatHeaders {
    return [
      'x-pdgw-engines',
      this.#urls.join(', '),
      'x-pdgw-attempts',
      String(this.#attempts),
      'x-pdgw-route',
      this.#route,
    ]
  }
}

/** Metrics that the attempts of the request report to, which note in the record where each went. */
export function recordingMetrics(metrics: RouterMetrics, route: RouteRecord): FanOutDependencies['metrics'] {
  return {
    attemptStarted: (pair, cachedShare) => {
      metrics.attemptStarted(pair)
      route.attemptStarted(pair, cachedShare)
    },
    attemptFailed: (...args) => metrics.attemptFailed(...args),
    promptComputed: (...args) => metrics.promptComputed(...args),
    retried: failure => metrics.retried(failure),
  }
}

/** A structured list (RFC 9651): `prefill;rank=3;reason=cached;cached=0.88, decode;reason=load`. */
function routeOf(pair: Pair, cachedShare: number | undefined): string {
  const { prefill, decode, prefillReason, decodeReason } = pair
  const cached = cachedShare === undefined ? '' : `;cached=${cachedShare.toFixed(2)}`
  if (prefill === undefined) return `mixed${choiceText(decode, decodeReason)}${cached}`
  return `prefill${choiceText(prefill, prefillReason)}${cached}, decode${choiceText(decode, decodeReason)}`
}

/** The rank is that of the attempt, chosen or pinned; engines whose ranks do not count have none. */
function choiceText({ rank }: Engine, reason: Pair['decodeReason']): string {
  const ofRank = rank === undefined ? '' : `;rank=${rank.number}`
  return reason === undefined ? ofRank : `${ofRank};reason=${reason}`
}
