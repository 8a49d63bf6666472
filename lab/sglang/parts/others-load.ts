/** Requests that an engine has of a direct client are known, and those of the gateway are not taken for them. */
import { send } from '../../client/request.ts'
import { becomesTrue } from '../../client/until.ts'
import type { Checks } from '../../report/part.ts'
import { GENERATE } from '../cases/case.ts'
import { idsOf } from '../load/shared-prefixes.ts'
import { withGateway } from '../setup/setup.ts'

const FLAGS = ['--load-monitor-interval', '0.5']
const DIRECT = 3
const THROUGH_GATEWAY = 2
const OUTPUT_TOKENS = 3000
const LIMIT_MS = 60_000

/** `engine`: the URL of a unified engine. */
export async function checkOthersLoad(engine: string, checks: Checks, signal: AbortSignal): Promise<void> {
  await withGateway({ mixed: [engine] }, FLAGS, async (gateway, metrics) => {
    const others = async (): Promise<number> =>
      Number(/^pdgw_engine_others_requests\{[^}]*\} (\d+)$/m.exec(await metrics())?.[1])
    const direct = openStreams(engine, DIRECT, signal)
    const ours = openStreams(gateway, THROUGH_GATEWAY, signal)
    try {
      const isKnown = await becomesTrue(async () => (await others()) === DIRECT, LIMIT_MS, signal)
      checks.add(
        'requests of a direct client are known',
        isKnown ? undefined : `${await others()} of ${DIRECT}`,
      )
      direct.leave()
      const areGone = await becomesTrue(async () => (await others()) === 0, LIMIT_MS, signal)
      checks.add('they are gone when it leaves', areGone ? undefined : `${await others()} are left`)
      checks.add(
        'requests of the gateway go on meanwhile',
        ours.ended === 0 ? undefined : `${ours.ended} have ended`,
      )
    } finally {
      direct.leave()
      ours.leave()
    }
  })
}

/** Streams that take longer than the check. */
function openStreams(url: string, count: number, signal: AbortSignal) {
  const leaving = new AbortController()
  const streams = { ended: 0, leave: () => leaving.abort() }
  for (let number = 0; number < count; number++) {
    const sampling = { max_new_tokens: OUTPUT_TOKENS, ignore_eos: true }
    const body = { input_ids: idsOf(number, 50), sampling_params: sampling, stream: true }
    const left = AbortSignal.any([signal, leaving.signal])
    void send({ url: `${url}${GENERATE}`, body, signal: left, limitMs: 10 * LIMIT_MS }).then(
      () => streams.ended++,
    )
  }
  return streams
}
