/** Simulated engines that replay a fault script, a gateway before them, a load: what was promised beside what was seen. */

import { playScenario } from '../scenarios/play.ts'
import { scenarioSchema } from '../scenarios/scenario.ts'
import { conditionText, loadText } from '../scenarios/text.ts'
import { EXIT } from './exit.ts'

export interface FaultsRun {
  readonly script: string
  readonly requests: number
  readonly concurrency: number
  readonly isStream: boolean
  readonly gatewayFlags: readonly string[]
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly signal: AbortSignal
}

/** @returns the exit code, one of `EXIT`. */
export async function runFaults(run: FaultsRun): Promise<number> {
  const { out, err, signal } = run
  try {
    const conditions = await playScenario(scenarioOf(run), {
      signal,
      say: line => err(`${line}\n`),
      onLoad: (name, result, cost) => out(loadText(name, result, cost)),
    })
    out(conditionText(conditions))
    if (signal.aborted) return EXIT.interrupted
    return conditions.every(({ holds }) => holds) ? EXIT.ok : EXIT.failures
  } catch (error) {
    err(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
    return signal.aborted ? EXIT.interrupted : EXIT.unusable
  }
}

function scenarioOf({ script, requests, concurrency, isStream, gatewayFlags }: FaultsRun) {
  const dataset = { kind: 'prompts', prompts: ['Tell me of the sea'], minTokens: 8, maxTokens: 32 }
  const load = { requests, isStream, arrivals: { kind: 'closed', concurrency }, dataset, scriptSeed: 0 }
  const description = `the fault script ${script}`
  return scenarioSchema.parse({
    kind: 'perfect',
    description,
    fleet: { script },
    gatewayFlags,
    loads: [load],
  })
}
