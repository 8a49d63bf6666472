/**
 * Engines with two data-parallel ranks, each with a cache of its own: prompts find what they begin with only if the gateway
 * names the rank and the engine obeys. Left to themselves, ranks take turns.
 */
import { send } from '../../client/request.ts'
import type { Checks } from '../../report/part.ts'
import { GENERATE } from '../cases/case.ts'
import { BEST_SHARE, idsOf } from '../load/shared-prefixes.ts'
import { type LabEngines, withGateway } from '../setup/setup.ts'
import { cachedShare, cachedTokens, percent, REQUIRED_SHARE } from './cached-share.ts'

export const RANKS = 2
/** Without cores of its own for each, an engine refuses more ranks than the machine has NUMA nodes (SGLang 0.5.23). */
export const TWO_RANKS = {
  flags: ['--dp-size', String(RANKS)],
  env: { SGLANG_CPU_OMP_THREADS_BIND: '0|1' },
} as const

/** No other prompt of the lab begins like it. */
const PINNED_PROMPT = { number: 1_000_000, tokens: 400 } as const

export interface RankTargets {
  readonly unified: LabEngines
  /** Only its prefill engine has ranks. */
  readonly pair: LabEngines
  readonly urls: readonly string[]
  readonly signal: AbortSignal
}

export async function checkRanks(
  { unified, pair, urls, signal }: RankTargets,
  checks: Checks,
): Promise<void> {
  const shareOf = (fleet: LabEngines, flags: readonly string[] = []): Promise<number> =>
    cachedShare({ fleets: [fleet], flags, urls, signal }, checks)
  const named = await shareOf(unified)
  const own = await shareOf(unified, ['--data-parallel-ranks', 'off'])
  const inPair = await shareOf(pair)
  const text = `unified ${percent(named)} cached, ${percent(own)} if the engine chooses the rank; pair ${percent(inPair)}`
  checks.note(`${text}; at best ${percent(BEST_SHARE)}`)
  const required = REQUIRED_SHARE * BEST_SHARE
  checks.add('the cached share of a unified engine', named >= required ? undefined : text)
  checks.add('its share if it chooses the rank, which must be smaller', own < required ? undefined : text)
  checks.add('the cached share of a pair', inPair >= required ? undefined : text)
  await checkPins({ engine: 'a unified engine', fleet: unified, field: 'routed_dp_rank', signal }, checks)
  await checkPins({ engine: 'prefill', fleet: pair, field: 'disagg_prefill_dp_rank', signal }, checks)
}

interface Pins {
  readonly engine: string
  readonly fleet: LabEngines
  /** Names the rank of that engine. */
  readonly field: string
  readonly signal: AbortSignal
}

/** A prompt is cached on the rank that has computed it, and on no other: so it shows where a request has run. */
async function checkPins({ engine, fleet, field, signal }: Pins, checks: Checks): Promise<void> {
  await withGateway(fleet, [], async (url, metrics) => {
    const { number, tokens } = PINNED_PROMPT
    const cachedOn = async (rank: number): Promise<number> => {
      const before = cachedTokens(await metrics())
      const body = { input_ids: idsOf(number, tokens), sampling_params: { max_new_tokens: 2 }, [field]: rank }
      const answer = await send({ url: `${url}${GENERATE}`, body, signal })
      checks.add('an answer', answer.status === 200 ? undefined : answer.body.slice(0, 300))
      return cachedTokens(await metrics()) - before
    }
    const [first, again, other] = [await cachedOn(1), await cachedOn(1), await cachedOn(0)]
    const isRight = first === 0 && again >= REQUIRED_SHARE * tokens && other === 0
    const text = `${first}, ${again} and ${other} tokens cached on the ranks 1, 1 and 0`
    checks.add(`requests that pin a rank of ${engine}`, isRight ? undefined : text)
  })
}
