/** `bench SCENARIO`: runs a scenario, prints its figures, and says whether its expectations hold. */
import { openProgress } from '../progress/progress.ts'
import { ShownLoads } from '../progress/shown-loads.ts'
import { runScenario } from '../scenarios/run-scenario.ts'
import { readScenario, type Scenario, type ScenarioLoad } from '../scenarios/scenario.ts'
import { expectationText, loadText } from '../scenarios/text.ts'
import { EXIT } from './exit.ts'
import type { BenchTerminal } from './terminal.ts'

export interface ScenarioOptions {
  readonly name: string
  /** Limit of the requests per load: a smaller run of the same scenario. */
  readonly requests: number | undefined
}

/** @returns the exit code, one of `EXIT`. @throws Error when the scenario cannot be run. */
export async function runScenarioFile(
  { name, requests }: ScenarioOptions,
  { out, err, terminal, signal }: BenchTerminal,
): Promise<number> {
  const scenario = limited(readScenario(name), requests)
  out(`${name}: ${scenario.description}\n`)
  const shown = new ShownLoads(openProgress({ err, terminal }))
  const expectations = await runScenario(scenario, {
    signal,
    log: line => err(`${line}\n`),
    onProgress: (load, plan, collector) => shown.show(load, plan, collector),
    onLoad: (load, result, cost) => {
      shown.clear()
      out(loadText(load, result, cost))
    },
  })
  if (signal.aborted) {
    out('\nInterrupted: the expectations apply to a whole run only.\n')
    return EXIT.interrupted
  }
  out(`\n${expectationText(expectations)}`)
  return expectations.every(({ holds }) => holds) ? EXIT.ok : EXIT.failures
}

function limited(scenario: Scenario, requests: number | undefined): Scenario {
  if (requests === undefined) return scenario
  if (scenario.kind === 'overload') throw new Error('--requests: an overload scenario is limited by time')
  const smaller = (load: ScenarioLoad) => ({ ...load, requests: Math.min(requests, load.requests) })
  if (scenario.kind === 'soak') return { ...scenario, load: smaller(scenario.load) }
  return { ...scenario, loads: scenario.loads.map(smaller) }
}
