/**
 * `bench siege`: honest streams through a gateway that is attacked, against the same streams without the attack, in turn.
 *
 * The gateway has a core of its own and a known limit of open files. Engines, honest clients and attackers share the other
 * core, the attackers with the lowest priority and at bounded rates: enough to fill every limit of the gateway, and not to
 * take the core from those who measure.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { EXIT } from '../command/exit.ts'
import type { BenchTerminal } from '../command/terminal.ts'
import { type Environment, withEnvironment } from '../environment/environment.ts'
import { fleetPlanSchema } from '../environment/fleet/plan.ts'
import { planSchema } from '../load/plan/plan.ts'
import type { LoadResult } from '../load/records/result.ts'
import { runLoad } from '../load/run-load.ts'
import { moveToLoadCore, TARGET_CORE } from '../process/cores.ts'
import { requirePrograms } from '../process/needed-programs.ts'
import { runningOf } from '../scenarios/expectations.ts'
import { expectationText } from '../scenarios/text.ts'
import { Attackers } from './attackers.ts'
import { IDLE_PER_DESCRIPTOR } from './attacks/held-attacks.ts'
import type { AttackKind } from './attacks/kinds.ts'
import type { Tally } from './attacks/tally.ts'
import { ChunkedClient } from './chunked-client.ts'
import { type Phase, phaseText, type Siege, siegeExpectations, siegeText } from './results.ts'
import { Watch } from './watch.ts'

export interface SiegeOptions {
  /** Time under attack, in seconds, over all rounds. */
  readonly secs: number
}

const DESCRIPTOR_LIMIT = 1024
/** Calm and attack alternate, so that what else happens on the machine meets both. */
const ROUNDS = 4
/** Share of a round without an attack. */
const CALM_SHARE = 1 / 2
const STREAMS = 50
/** Attackers get this time to fill the limits. On a busy machine they may need it, because they have the lowest priority. */
const ASSEMBLY_LIMIT_MS = 240_000
const END_LIMIT_MS = 15_000
const POLL_MS = 100

/** Steps of constant length, so that the gaps between tokens show the gateway and not the load on the engines. */
const FLEET = fleetPlanSchema.parse({
  prefill: 2,
  decode: 2,
  knobs: { prefillOverheadMs: 5, itlBaseMs: 20, itlPerReqMs: 0 },
})
const FLAGS = ['--workers', '1', '--health-check-interval-secs', '1']

/** @returns the exit code, one of `EXIT`. @throws Error when the siege cannot be run. */
export async function runSiege({ secs }: SiegeOptions, terminal: BenchTerminal): Promise<number> {
  requirePrograms(['taskset', 'prlimit'])
  moveToLoadCore()
  const gatewayLimits = { core: TARGET_CORE, maxOpenFiles: DESCRIPTOR_LIMIT }
  const siege = await withEnvironment({ fleet: FLEET, gatewayFlags: FLAGS, gatewayLimits }, environment =>
    besiege(environment, secs / ROUNDS, terminal),
  )
  if (terminal.signal.aborted) return EXIT.interrupted
  const expectations = siegeExpectations(siege)
  terminal.out(`\n${siegeText(siege)}\n${expectationText(expectations)}`)
  return expectations.every(({ holds }) => holds) ? EXIT.ok : EXIT.failures
}

async function besiege(environment: Environment, roundSecs: number, terminal: BenchTerminal): Promise<Siege> {
  const { gateway, fleet } = environment
  const attackers = new Attackers()
  const plan = {
    port: Number(new URL(gateway.url).port),
    adminPort: Number(new URL(gateway.adminUrl).port),
    descriptorLimit: DESCRIPTOR_LIMIT,
  }
  const calm: Phase[] = []
  const attacked: Phase[] = []
  const tallies: ReadonlyMap<AttackKind, Tally>[] = []
  try {
    // Compiles the gateway's code and that of the generators' host.
    await phase(environment, 2000, terminal.signal)
    for (let round = 1; round <= ROUNDS && !terminal.signal.aborted; round++) {
      calm.push(await phase(environment, roundSecs * CALM_SHARE * 1000, terminal.signal))
      terminal.out(phaseText(`round ${round}, calm`, calm))
      await attackers.start(plan)
      await untilAssembled(attackers, terminal.signal)
      attacked.push(await phase(environment, roundSecs * 1000, terminal.signal))
      tallies.push(await attackers.stop())
      terminal.out(phaseText(`round ${round}, siege`, attacked))
      await untilQuiet(environment)
    }
  } finally {
    attackers.close()
  }
  const left = runningOf(await fleet.counters())
  return { calm, attacked, tallies, descriptorLimit: DESCRIPTOR_LIMIT, left, isAlive: gateway.isAlive }
}

async function phase({ gateway }: Environment, durationMs: number, signal: AbortSignal): Promise<Phase> {
  const watch = new Watch(gateway.url, gateway.adminUrl, gateway.pid)
  const chunked = new ChunkedClient(gateway.url)
  const [kept, fresh] = await Promise.all([
    honestLoad(gateway.url, durationMs, 'keep-alive', signal),
    honestLoad(gateway.url, durationMs, 'per-request', signal),
  ])
  return { loads: [kept, fresh], chunked: await chunked.close(), sightings: watch.close() }
}

/** Half of the honest streams. Each token is compared with the one that the engines were to send. */
function honestLoad(
  url: string,
  durationMs: number,
  connection: 'keep-alive' | 'per-request',
  signal: AbortSignal,
): Promise<LoadResult> {
  const plan = planSchema.parse({
    url,
    durationMs,
    connection,
    isStream: true,
    requests: 1_000_000,
    arrivals: { kind: 'closed', concurrency: STREAMS / 2 },
    dataset: { kind: 'random', inputTokens: 64, outputTokens: 100 },
    scriptSeed: 0,
  })
  return runLoad(plan, { signal })
}

/** Resolves when the attackers have opened enough idle connections, or at a limit. The expectations count them. */
async function untilAssembled(attackers: Attackers, signal: AbortSignal): Promise<void> {
  const giveUpMs = performance.now() + ASSEMBLY_LIMIT_MS
  while (!signal.aborted && performance.now() < giveUpMs) {
    const idle = (await attackers.report()).get('idle connections')?.opened ?? 0
    if (idle >= IDLE_PER_DESCRIPTOR * DESCRIPTOR_LIMIT) return
    await delay(POLL_MS)
  }
}

/** What the attackers have begun ends with them. */
async function untilQuiet({ fleet }: Environment): Promise<void> {
  const giveUpMs = performance.now() + END_LIMIT_MS
  while (runningOf(await fleet.counters()) > 0 && performance.now() < giveUpMs) await delay(POLL_MS)
}
