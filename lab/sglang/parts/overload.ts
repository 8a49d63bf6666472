/** A unified engine whose queue is full: the gateway answers with 503 or the right text, and does not take load for sickness. */
import { type Answer, send } from '../../client/request.ts'
import { becomesTrue } from '../../client/until.ts'
import type { Checks } from '../../report/part.ts'
import { GENERATE, generate } from '../cases/case.ts'
import { type Known } from '../load/checked-load.ts'
import { openRequests } from '../load/open-requests.ts'
import { outputOf } from '../load/output-text.ts'

export interface OverloadTargets {
  readonly gateway: string
  /** The same engine without the gateway. */
  readonly engine: string
  readonly signal: AbortSignal
}

/** Limits of the engine: far fewer requests than are sent to it. */
export const OVERLOAD_FLAGS = ['--max-running-requests', '2', '--max-queued-requests', '2']
const DIRECT = 12
const THROUGH_GATEWAY = 24
const IDLE_LIMIT_MS = 60_000

/** Others fill the engine's queue while clients of the gateway send requests; then they stop, and all must be well. */
export async function checkOverload(
  { gateway, engine, signal }: OverloadTargets,
  known: readonly Known[],
  checks: Checks,
): Promise<void> {
  const others = new AbortController()
  const busy = Array.from({ length: DIRECT }, (_, index) => fill(engine, index, others.signal))
  const asked = known.slice(0, THROUGH_GATEWAY)
  const answers = await Promise.all(
    asked.map(({ question }) => send({ ...question, url: `${gateway}${question.path}`, signal })),
  )
  for (const [index, answer] of answers.entries())
    checks.add(`an answer while the queue is full`, overloadProblem(answer, asked[index]?.text))
  others.abort()
  await Promise.all(busy)
  // The engine looks for clients that have left every 3 s, and its queue is full until then.
  const isIdle = await becomesTrue(async () => (await openRequests(engine)) === 0, IDLE_LIMIT_MS, signal)
  checks.add(
    'the engine gives up those who have left',
    isIdle ? undefined : 'it still has requests after 60 s',
  )
  for (const { question, text } of known.slice(0, THROUGH_GATEWAY)) {
    const answer = await send({ ...question, url: `${gateway}${question.path}`, signal })
    const { isWhole, text: found } = outputOf(answer)
    const isRight = isWhole && found === text
    checks.add(
      'an answer after the overload',
      isRight ? undefined : `status ${answer.status}: ${answer.body.slice(-300)}`,
    )
  }
}

async function fill(engine: string, index: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const text = `Request ${index} keeps the engine busy`
    await send({ url: `${engine}${GENERATE}`, body: generate({ max_new_tokens: 200 }, { text }), signal })
  }
}

/** Refused in words with 503 or 429, or right. */
function overloadProblem(answer: Answer, text: string | undefined): string | undefined {
  const { status, body } = answer
  const output = outputOf(answer)
  if (output.isWhole && !output.hasError && output.text === text) return undefined
  if ((status === 503 || status === 429) && output.hasError) return undefined
  return `status ${status}, ${answer.end}: ${body.slice(-300)}`
}
