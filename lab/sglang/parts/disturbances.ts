/**
 * What happens to engines under load: they are killed, stopped, drained and started again. Every answer is compared with
 * the unified engine's. A stream may break only if the decode engine that wrote it is gone.
 */
import { becomesTrue } from '../../client/until.ts'
import type { Checks } from '../../report/part.ts'
import type { Engine } from '../engines/engine.ts'
import { CheckedLoad, type Known, type LoadCounts, type LoadTarget } from '../load/checked-load.ts'

export interface Disturbance {
  readonly name: string
  /** Does it, and undoes it: when it resolves, the engine is to serve again. */
  readonly act: (engine: Engine) => Promise<void>
  readonly mayBreakStreams: boolean
}

const CLIENTS = 8
/** Requests before the engine is disturbed, and answers of the engine after that. */
const BEFORE = 24
const AFTER = 4
/** A KV session that has failed heals by a probe each 30 s, and a busy machine is slow. */
const BACK_LIMIT_MS = 240_000

/** Waits for its end, so that its ports are free again. */
export const KILLED: Omit<Disturbance, 'mayBreakStreams'> = {
  name: 'killed',
  act: async engine => {
    engine.kill('SIGKILL')
    await engine.untilEnded(60_000)
    await engine.restart()
  },
}

const DRAIN_LIMIT_MS = 240_000

export const DRAINED: Omit<Disturbance, 'mayBreakStreams'> = {
  name: 'drained',
  act: async engine => {
    engine.kill('SIGTERM')
    await engine.untilEnded(DRAIN_LIMIT_MS)
    await engine.restart()
  },
}

export interface DisturbedLoad {
  readonly target: LoadTarget
  readonly known: readonly Known[]
}

/** Adds a check for each answer, and one for the return of the engine. */
export async function checkDisturbance(
  engine: Engine,
  { name, act, mayBreakStreams }: Disturbance,
  { target, known }: DisturbedLoad,
  checks: Checks,
): Promise<void> {
  const what = `${engine.kind.role} ${name}`
  const load = new CheckedLoad(target, known, CLIENTS)
  let counts: LoadCounts
  try {
    await becomesTrue(() => load.ended >= BEFORE, BACK_LIMIT_MS, target.signal)
    await act(engine)
    const answered = load.answeredBy(engine.url) + AFTER
    const isBack = await becomesTrue(
      () => load.answeredBy(engine.url) >= answered,
      BACK_LIMIT_MS,
      target.signal,
    )
    checks.add(`${what}: it serves again`, isBack ? undefined : 'it has got no request within 240 s')
  } finally {
    counts = await load.stop()
  }
  addAnswers(what, counts, mayBreakStreams, checks)
}

/** Adds a check for each answer of a load. */
export function addAnswers(what: string, counts: LoadCounts, mayBreakStreams: boolean, checks: Checks): void {
  for (let count = 0; count < counts.right; count++) checks.add(`${what}: an answer`, undefined)
  for (let count = 0; count < counts.broken; count++)
    checks.add(`${what}: a stream`, mayBreakStreams ? undefined : 'was broken off')
  for (const wrong of counts.wrong) checks.add(`${what}: an answer`, wrong)
}
