/** Plays all loads: routers take turns in every round, and one that fails does not stop the others. */
import { messageOf } from '../../../src/core/error-text.ts'
import { measureRound, prepareRounds, setPace } from './wrk-round.ts'
import { checkedRound } from './checked-round.ts'
import { CHUNK_INTERVAL_MS, type Load, SLOW_INTERVAL_MS, STAGE_NAMES, warmUpOf } from '../loads/loads.ts'
import { Results } from '../costs/results.ts'
import { type PeerSample, wrkSample } from '../costs/sample.ts'
import { openStage, type Stage, type StageSetting } from './environments.ts'

export interface PeersPlay extends StageSetting {
  readonly loads: readonly Load[]
  /** Rounds of each load of canned engines; one more is made first and thrown away. */
  readonly rounds: number
  /** Rounds of each load whose engines are slow or stressed. */
  readonly passes: number
  readonly seconds: number
}

/** The engine that is asked without a router, where TTFT is compared. */
export const DIRECT = 'no router'

/** Code that is compiled as it runs costs twice until it is; the others lose nothing by it. */
const WARM_UP_SECONDS = 4

/** A target of one load. */
interface Target {
  readonly name: string
  readonly url: string
  readonly pid: number
  /** Unset: it lives. */
  readonly obituary?: () => string | undefined
}

export async function playPeers(play: PeersPlay): Promise<Results> {
  const results = new Results()
  for (const name of STAGE_NAMES) {
    const loads = play.loads.filter(({ stage }) => stage === name)
    if (loads.length === 0 || play.signal.aborted) continue
    play.say(`${name}: starting the routers`)
    // oxlint-disable-next-line no-await-in-loop -- stages share two cores
    const stage = await openStage(name, play)
    try {
      // oxlint-disable-next-line no-await-in-loop -- stages share two cores
      await warmUp(warmUpOf(name), stage, play)
      // oxlint-disable-next-line no-await-in-loop -- stages share two cores
      for (const load of loads) await playLoad(load, stage, play, results)
    } finally {
      // oxlint-disable-next-line no-await-in-loop -- stages share two cores
      await stage.close()
    }
  }
  return results
}

/** Whatever comes of it: a router that cannot bear this shows it in the loads. */
async function warmUp(load: Load | undefined, stage: Stage, play: PeersPlay): Promise<void> {
  if (load !== undefined) await playLoad(load, stage, { ...play, passes: 1 }, new Results())
}

async function playLoad(load: Load, stage: Stage, play: PeersPlay, results: Results): Promise<void> {
  for (const [router, reason] of stage.failures) results.fail(load.name, router, reason)
  await prepare(load, stage, play)
  const isCanned = load.stage === 'canned'
  if (isCanned) {
    const seconds = Math.max(play.seconds, WARM_UP_SECONDS)
    await playRound('warm-up', load, { stage, play: { ...play, seconds }, results: new Results() })
  }
  const rounds = isCanned ? play.rounds : play.passes
  for (let round = 1; round <= rounds; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one round after the other
    await playRound(`round ${round} of ${rounds}`, load, { stage, play, results })
  }
}

/** All routers in turn. */
async function playRound(title: string, load: Load, around: Around): Promise<void> {
  const { stage, play, results } = around
  for (const target of targetsOf(load, stage)) {
    if (play.signal.aborted) return
    if (results.hasFailed(load.name, target.name)) continue
    play.say(`${load.name}: ${title}, ${target.name}`)
    // oxlint-disable-next-line no-await-in-loop -- rounds are interleaved, never at once
    const sample = await attempted(load, target, around)
    if (sample !== undefined) results.add(load.name, target.name, sample)
  }
}

async function prepare(load: Load, { cannedUrl }: Stage, play: PeersPlay): Promise<void> {
  if (cannedUrl === undefined) return
  if (load.kind === 'wrk') await prepareRounds({ ...play, engineUrl: cannedUrl }, load.scenario)
  else await setPace(cannedUrl, load.stage === 'slow' ? SLOW_INTERVAL_MS : CHUNK_INTERVAL_MS)
}

function targetsOf(load: Load, { routers, direct }: Stage): readonly Target[] {
  const all = routers.map(router => ({
    name: router.name,
    url: router.url,
    pid: router.pid,
    obituary: () => (router.isAlive ? undefined : router.obituary()),
  }))
  const isDirect = load.kind === 'checked' && load.hasDirect && direct !== undefined
  return isDirect ? [...all, { name: DIRECT, ...direct }] : all
}

interface Around {
  readonly stage: Stage
  readonly play: PeersPlay
  readonly results: Results
}

/** @returns undefined when it could not be measured, or not to its end. */
async function attempted(load: Load, target: Target, around: Around): Promise<PeerSample | undefined> {
  const { play, results } = around
  try {
    const sample = await measured(load, target, around)
    const died = target.obituary?.()
    if (died !== undefined) throw new Error(died)
    return play.signal.aborted ? undefined : sample
  } catch (error) {
    if (play.signal.aborted) return undefined
    const reason = target.obituary?.() ?? messageOf(error)
    results.fail(load.name, target.name, reason)
    play.say(`${load.name}: ${target.name}: ${reason}`)
    return undefined
  }
}

async function measured(load: Load, target: Target, { stage, play }: Around): Promise<PeerSample> {
  if (load.kind === 'checked') {
    const known = stage.cannedUrl === undefined ? {} : { cannedUrl: stage.cannedUrl }
    return checkedRound({ load, target, signal: play.signal, ...known })
  }
  if (stage.cannedUrl === undefined) throw new TypeError(`${load.name} needs canned engines`)
  const seconds = Math.max(play.seconds, load.leastSeconds)
  const plan = { ...play, seconds, engineUrl: stage.cannedUrl }
  const { sample, seen } = await measureRound(plan, load.scenario, target)
  return wrkSample(sample, seen)
}
