/** `bench SCENARIO`: runs a scenario, prints its figures, and says whether its expectations hold. */
import { openProgress } from '../progress/progress.ts'
import { ShownLoads } from '../progress/shown-loads.ts'
import { runScenario } from '../scenarios/run-scenario.ts'
import { limitRequests, readScenario } from '../scenarios/scenario.ts'
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
  const whole = readScenario(name)
  const scenario = requests === undefined ? whole : limitRequests(whole, requests)
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
