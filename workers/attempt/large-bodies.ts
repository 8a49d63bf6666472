/** The bodies of an attempt's responses: counts what is held of them, and classifies large ones in steps. */
import type { Config } from '../../src/config/config.ts'
import type { Leg } from '../../src/core/errors.ts'
import type { Failure } from '../classify/failure.ts'
import { ResponseScan } from '../classify/large-body/response-scan.ts'
import type { ResponseSummary } from '../dialects/response-summary.ts'
import type { KnownEnds } from '../json/scan-context.ts'
import type { TurnQueue } from '../turns/turn-queue.ts'
import type { HeldBytes, ResponseBody } from '../upstream/response-body.ts'
import type { CollectedResponses } from './collected-responses.ts'
import type { AttemptPlan } from './plan.ts'

/** What a leg asks for its response, so that a large one neither stops the thread nor fills its memory. */
export interface LargeBodies extends HeldBytes {
  /** Calls back in a later turn, unless the attempt ends before. */
  classifyLater(leg: Leg, body: ResponseBody, onClassified: (found: ResponseSummary | Failure) => void): void
}

export interface AttemptBodiesDependencies {
  readonly config: { readonly limits: Pick<Config['limits'], 'stepBytes'> }
  readonly turns: Pick<TurnQueue, 'add' | 'remove'>
  readonly collected: Pick<CollectedResponses, 'hold' | 'release'>
}

export class AttemptBodies implements LargeBodies {
  readonly #plan: Pick<AttemptPlan, 'exchangeId' | 'dialect'>
  readonly #dependencies: AttemptBodiesDependencies
  /** Under way or done. */
  #scans: ResponseScan[] | undefined
  #heldBytes = 0

  constructor(plan: Pick<AttemptPlan, 'exchangeId' | 'dialect'>, dependencies: AttemptBodiesDependencies) {
    this.#plan = plan
    this.#dependencies = dependencies
  }

  holdMore(bytes: number): void {
    this.#heldBytes += bytes
    this.#dependencies.collected.hold(this.#plan.exchangeId, this.#heldBytes, bytes)
  }

  classifyLater(
    leg: Leg,
    body: ResponseBody,
    onClassified: (found: ResponseSummary | Failure) => void,
  ): void {
    const { turns, config } = this.#dependencies
    const { dialect } = this.#plan
    const scan = new ResponseScan({ leg, body, dialect, stepWork: config.limits.stepBytes, onClassified })
    this.#scans ??= []
    this.#scans.push(scan)
    turns.add(scan)
  }

  /** Where the large values of the bodies end that were classified in steps; `undefined` if none was. */
  get knownEnds(): readonly KnownEnds[] | undefined {
    return this.#scans?.flatMap(({ knownEnds }) => knownEnds ?? [])
  }

  /** The attempt is over: nothing is classified any more. */
  stop(): void {
    for (const scan of this.#scans ?? []) this.#dependencies.turns.remove(scan)
  }

  /** The attempt has failed, and its bodies are garbage. */
  release(): void {
    this.#dependencies.collected.release(this.#plan.exchangeId, this.#heldBytes)
  }
}
