/**
 * Unified engines that publish KV events, one of them with data-parallel ranks. What they have computed without the gateway,
 * only events can say: prompts that begin alike must go to the engine and rank that has them, and nothing may be expected
 * of one whose cache was emptied.
 */
import { send } from '../../client/request.ts'
import { becomesTrue } from '../../client/until.ts'
import type { Checks } from '../../report/part.ts'
import { GENERATE } from '../cases/case.ts'
import { idsOf } from '../load/shared-prefixes.ts'

export interface EventTargets {
  readonly gateway: string
  readonly metrics: () => Promise<string>
  readonly engines: readonly string[]
  /** How many event streams they publish: one for each rank. */
  readonly sources: number
  readonly signal: AbortSignal
}

/** With SGLang's default of 1 each token would be a block. */
const PAGE_SIZE = 16
const PROMPTS = 8
const PROMPT_PAGES = 25
const LIMIT_MS = 60_000
const LATE = 'not within 60 s'

export function eventFlags(port: number, replayPort: number): readonly string[] {
  const endpoints = { endpoint: `tcp://*:${port}`, replay_endpoint: `tcp://*:${replayPort}` }
  const events = JSON.stringify({ publisher: 'zmq', ...endpoints })
  return ['--page-size', String(PAGE_SIZE), '--kv-events-config', events]
}

export async function checkKvEvents(targets: EventTargets, checks: Checks): Promise<void> {
  const { gateway, engines, sources, signal } = targets
  const isFollowed = await becomesTrue(
    async () => (await gauge(targets, 'pdgw_control_kv_event_connections')) === sources,
    LIMIT_MS,
    signal,
  )
  checks.add('the events of all engines are followed', isFollowed ? undefined : LATE)
  const prompts = Array.from({ length: PROMPTS }, (_, number) => ({
    ids: idsOf(number, PROMPT_PAGES * PAGE_SIZE),
    engine: engines[number % engines.length] ?? '',
  }))
  for (const { ids, engine } of prompts) {
    const before = await gauge(targets, 'pdgw_control_kv_blocks')
    await ask(engine, ids, targets, checks)
    const isKnown = await becomesTrue(
      async () => (await gauge(targets, 'pdgw_control_kv_blocks')) >= before + PROMPT_PAGES,
      LIMIT_MS,
      signal,
    )
    checks.add('the blocks of a prompt that an engine has computed are known', isKnown ? undefined : LATE)
  }
  for (const { ids, engine } of prompts) {
    const { engines: chosen, route } = await ask(gateway, [...ids, 1], targets, checks)
    const isRight = chosen === engine && /reason=cached;cached=(0\.9|1\.0)/.test(route)
    checks.add('a prompt goes to the engine that has it', isRight ? undefined : `${chosen}: ${route}`)
  }
  await checkEmptied(prompts, targets, checks)
}

/** Empties the cache of the first engine. */
async function checkEmptied(
  prompts: readonly { readonly ids: readonly number[]; readonly engine: string }[],
  targets: EventTargets,
  checks: Checks,
): Promise<void> {
  const { gateway, engines, signal } = targets
  const [first = ''] = engines
  const before = await gauge(targets, 'pdgw_control_kv_blocks')
  await send({ url: `${first}/flush_cache`, signal })
  const isKnown = await becomesTrue(
    async () => (await gauge(targets, 'pdgw_control_kv_blocks')) < before,
    LIMIT_MS,
    signal,
  )
  checks.add('an emptied cache is known', isKnown ? undefined : LATE)
  for (const { ids } of prompts.filter(({ engine }) => engine === first)) {
    const { route } = await ask(gateway, [...ids, 1], targets, checks)
    const isRight = route.includes('cached=0.00')
    checks.add('nothing is expected of an emptied cache', isRight ? undefined : route)
  }
}

async function ask(
  url: string,
  ids: readonly number[],
  { signal }: EventTargets,
  checks: Checks,
): Promise<{ readonly engines: string; readonly route: string }> {
  const body = { input_ids: ids, sampling_params: { temperature: 0, max_new_tokens: 2 } }
  const { status, headers, body: text } = await send({ url: `${url}${GENERATE}`, body, signal })
  checks.add('an answer', status === 200 ? undefined : `status ${status}: ${text.slice(0, 300)}`)
  return { engines: headers['x-pdgw-engines'] ?? '', route: headers['x-pdgw-route'] ?? '' }
}

async function gauge({ metrics }: EventTargets, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await metrics())?.[1])
}
