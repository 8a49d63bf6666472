/** Counts what the gateway and the engines saw of the requests since a moment. */
import { setTimeout as delay } from 'node:timers/promises'
import { percentileOf, sorted } from '../../../bench/report/percentiles.ts'
import type { FirstToken } from '../../../src/simulator/engine/first-token-log.ts'
import type { Target } from './target.ts'

/** What decode noted itself of streams that it ended, medians in milliseconds. */
export interface EngineTimes {
  readonly ttftMs: number
  readonly tpotMs: number
}

const WAIT_LIMIT_MS = 20_000
const POLL_INTERVAL_MS = 20

export class Tally {
  readonly #target: Target
  readonly #outcomes: ReadonlyMap<string, number>
  readonly #disconnected: number
  readonly #abortCalls: number
  readonly #streams: number

  private constructor(target: Target, outcomes: ReadonlyMap<string, number>) {
    this.#target = target
    this.#outcomes = outcomes
    this.#disconnected = target.decode.counters.disconnected
    this.#abortCalls = abortCalls(target)
    this.#streams = target.decode.firstTokens.entries.length
  }

  static async start(target: Target): Promise<Tally> {
    return new Tally(target, outcomesIn(await target.metrics()))
  }

  /**
   * The gateway's count of requests by outcome, without those that are 0, as text like `ok 40, broken 2`. Waits until that many
   * requests have ended.
   */
  async outcomes(requests: number): Promise<ReadonlyMap<string, number>> {
    let now = new Map<string, number>()
    await until(async () => {
      const counts = outcomesIn(await this.#target.metrics())
      now = new Map([...counts].map(([name, count]) => [name, count - (this.#outcomes.get(name) ?? 0)]))
      return [...now.values()].reduce((sum, count) => sum + count, 0) >= requests
    }, `${requests} requests have ended`)
    return new Map([...now].filter(([, count]) => count > 0))
  }

  /** Responses of decode whose connection ended before them, on either side. */
  get cutResponses(): number {
    return this.#target.decode.counters.disconnected - this.#disconnected
  }

  get abortCalls(): number {
    return abortCalls(this.#target) - this.#abortCalls
  }

  /** @throws RangeError if decode has ended no stream. */
  engineTimes(): EngineTimes {
    const ended = this.#target.decode.firstTokens.entries.slice(this.#streams).flatMap(timesOf)
    if (ended.length === 0) throw new RangeError('The decode engine has ended no stream')
    return {
      ttftMs: medianOf(ended.map(({ ttftMs }) => ttftMs)),
      tpotMs: medianOf(ended.map(({ tpotMs }) => tpotMs)),
    }
  }
}

/** Waits until `isReached`. The state must be one that stays. @throws Error after 20 s. */
export async function until(isReached: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const giveUpMs = performance.now() + WAIT_LIMIT_MS
  while (!(await isReached())) {
    if (performance.now() > giveUpMs) throw new Error(`Not within ${WAIT_LIMIT_MS / 1000} s: ${what}`)
    await delay(POLL_INTERVAL_MS)
  }
}

/** Requests by outcome, of all endpoints. Pure. */
function outcomesIn(metrics: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const [, outcome = '', count] of metrics.matchAll(
    /^pdgw_router_requests_total\{.*outcome="([\w-]+)"\} (\d+)$/gm,
  ))
    counts.set(outcome, (counts.get(outcome) ?? 0) + Number(count))
  return counts
}

function timesOf({ arrivedMs, writtenMs, endedMs, tokens = 0 }: FirstToken): EngineTimes[] {
  if (endedMs === undefined || tokens < 2) return []
  return [{ ttftMs: writtenMs - arrivedMs, tpotMs: (endedMs - writtenMs) / (tokens - 1) }]
}

function abortCalls({ prefill, decode }: Target): number {
  return prefill.counters.abortCalls + decode.counters.abortCalls
}

function medianOf(values: readonly number[]): number {
  return percentileOf(sorted(values), 50)
}
