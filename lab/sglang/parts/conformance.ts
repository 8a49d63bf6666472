/**
 * Sends every kind of request through the gateway to a pair, to a unified engine, and through the gateway to the
 * simulator. The first two must be equal; the simulator's answers must have the same members.
 */
import { bodyWithoutHiddenDetails } from '../../../src/core/text/hidden-details.ts'
import { parseJson } from '../../../src/core/text/parse-json.ts'
import { isEventStream } from '../../client/events.ts'
import { type Answer, send } from '../../client/request.ts'
import type { Checks } from '../../report/part.ts'
import { type Case, GENERATE, generate } from '../cases/case.ts'
import { type AllowedDifference, AllowedDifferences, type Reference } from '../compare/allowed.ts'
import { type Difference, differences, shapeDifferences } from '../compare/differences.ts'
import { fieldsOf } from '../compare/fields.ts'
import { withoutStream } from '../compare/streamed-refusal.ts'
import type { Frontend } from '../engines/engine-command.ts'

export interface ConformanceTargets {
  readonly frontend: Frontend
  /** Base URLs: the gateway with the pair, the unified engine, and the gateway with the simulator. */
  readonly pair: string
  readonly unified: string
  readonly simulator: string
}

export async function checkConformance(
  targets: ConformanceTargets,
  cases: readonly Case[],
  { allowed, checks, signal, take }: ConformanceTools,
): Promise<void> {
  const unified = new AllowedDifferences(allowed.unified, targets.frontend)
  const simulator = new AllowedDifferences(allowed.simulator, targets.frontend)
  await warmUp(targets, signal)
  for (const each of cases) {
    signal.throwIfAborted()
    const to = (base: string) => send({ ...each, url: `${base}${each.path}`, signal })
    const [pairAnswer, unifiedAnswer, simulatorAnswer] = await Promise.all([
      to(targets.pair),
      to(targets.unified),
      to(targets.simulator),
    ])
    take?.(each.name, { pair: pairAnswer, unified: unifiedAnswer, simulator: simulatorAnswer })
    const { name } = each
    checks.add(`${name}, unified`, unified.problemOf(name, realDifferences(pairAnswer, unifiedAnswer)))
    const shapes = shapeDifferences(fieldsOf(simulatorAnswer), fieldsOf(pairAnswer))
    checks.add(`${name}, simulator`, simulator.problemOf(name, shapes))
  }
  for (const [against, list] of Object.entries({ unified, simulator })) {
    for (const row of list.rows)
      checks.add(
        `allowed difference ${String(row.field)}, ${against}`,
        list.stale().includes(row) ? 'no longer occurs: remove it from the table' : undefined,
      )
  }
}

/**
 * A unified engine asks itself about the capital of France when it starts, and has the word "The" in its cache from then
 * on. A prefill engine caches a prompt after it has answered, so there is a second one to wait for.
 */
async function warmUp({ pair, unified }: ConformanceTargets, signal: AbortSignal): Promise<void> {
  const body = generate({ max_new_tokens: 8 }, { text: 'The capital city of France is' })
  for (const base of [pair, unified, pair, unified]) await send({ url: `${base}${GENERATE}`, body, signal })
}

/** The fields in which the pair's answer differs from the unified engine's. */
export function realDifferences(pair: Answer, unified: Answer): Difference[] {
  const expected = isEventStream(pair.headers) ? unified : withoutPaths(withoutStream(unified))
  return differences(fieldsOf(pair), fieldsOf(expected))
}

/** The gateway leaves the paths and addresses in refusals of engines out. */
function withoutPaths(refused: Answer): Answer {
  const { status, body } = refused
  const isObject = status >= 400 && parseJson(body) !== undefined
  return isObject ? { ...refused, body: bodyWithoutHiddenDetails(body) } : refused
}

export interface ConformanceTools {
  readonly allowed: Readonly<Record<Reference, readonly AllowedDifference[]>>
  readonly checks: Checks
  readonly signal: AbortSignal
  /** Called with the three answers to each case. */
  readonly take?: (name: string, answers: Readonly<Record<string, Answer>>) => void
}
