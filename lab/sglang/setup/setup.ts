/** What the parts of the SGLang lab run in: engines, gateways before them, and the simulator. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FleetProcess } from '../../../bench/environment/fleet/fleet-process.ts'
import { fleetPlanSchema } from '../../../bench/environment/fleet/plan.ts'
import { type GatewayEngines, GatewayProcess } from '../../../bench/environment/gateway-process.ts'
import type { LabContext } from '../../report/lab.ts'
import type { Engine, EngineKind } from '../engines/engine.ts'
import { CONTEXT_LENGTH, type EngineRole, type Frontend, MODEL } from '../engines/engine-command.ts'
import type { EngineSet } from '../engines/engine-set.ts'
import { type Known, knownTexts } from '../load/checked-load.ts'
import { questions } from '../load/questions.ts'

export type LabEngines = GatewayEngines

export interface Setup {
  readonly engines: EngineSet
  readonly context: LabContext
}

/** Limits that let a load go on within seconds where the defaults wait for minutes. */
const HASTY_FLAGS = `--health-check-interval-secs 1 --health-check-timeout-secs 5 --health-failure-threshold 2
  --idle-timeout-ms 15000 --first-token-timeout-ms 60000 --retry-max-retries 8 --retry-over-budget wait
  --route-headers`.split(/\s+/)
const HASTY_CONFIG = { health: { giveUpSecs: 10 } }
/** Output tokens of each request of a load. */
const LOAD_TOKENS = 40

export function kindOf(role: EngineRole, frontend: Frontend, number = 1): EngineKind {
  return { name: `${frontend}-${role}-${number}`, role, frontend }
}

export function pairsOf(engines: readonly Engine[]): GatewayEngines {
  const prefill = engines.filter(({ kind }) => kind.role === 'prefill')
  return {
    prefill: prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort })),
    decode: engines.filter(({ kind }) => kind.role === 'decode').map(({ url }) => url),
  }
}

/** Calls `use` with the URL of a gateway, and what reads its metrics, and closes the gateway whatever `use` does. */
export async function withGateway<T>(
  engines: GatewayEngines,
  flags: readonly string[],
  use: (url: string, metrics: () => Promise<string>) => Promise<T>,
): Promise<T> {
  const gateway = await GatewayProcess.start(engines, flags)
  try {
    return await use(gateway.url, () => gateway.metrics())
  } finally {
    await gateway.close()
  }
}

/** Flags of a gateway before engines that are disturbed. Writes a config file into the folder of the run. */
export function hastyFlags({ runFolder }: LabContext): readonly string[] {
  const path = join(runFolder, 'gateway.json')
  writeFileSync(path, JSON.stringify(HASTY_CONFIG))
  return [...HASTY_FLAGS, '--config', path]
}

/** Calls `use` with the URL of a gateway before a pair of simulated engines of the same version. */
export async function withSimulator<T>(frontend: Frontend, use: (url: string) => Promise<T>): Promise<T> {
  const profile = frontend === 'rust' ? 'sglang-2026-10-rust' : 'sglang-2026-10'
  const fleet = await FleetProcess.start(
    fleetPlanSchema.parse({
      prefill: 1,
      decode: 1,
      knobs: { profile, modelId: MODEL, contextLen: CONTEXT_LENGTH, pageSize: 1 },
    }),
  )
  try {
    return await withGateway(fleet, [], use)
  } finally {
    await fleet.close()
  }
}

/** The requests of a load with the texts of the unified engine. */
export async function knownLoad(unified: Engine, { signal }: LabContext): Promise<Known[]> {
  return knownTexts(questions(LOAD_TOKENS), { url: unified.url, signal })
}
