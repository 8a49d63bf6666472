/**
 * Entry of `npm run bench -- SCENARIO`: plays it and prints its figures; `peers` measures other routers beside ours.
 *
 * Exit codes: 0 all conditions hold, 1 one does not, 2 it could not be run, 130 interrupted.
 */

import { parseArgs } from 'node:util'
import { messageOf } from '../src/core/error-text.ts'
import { outliveReaders } from '../src/process/broken-pipe.ts'
import { EXIT } from './command/exit.ts'
import { openProgress } from './progress/progress.ts'
import { ShownLoads } from './progress/shown-loads.ts'
import { benchPeers } from './routers/run-routers.ts'
import { playScenario } from './scenarios/run-scenario.ts'
import { readScenario, type Scenario, scenarioNames } from './scenarios/scenario.ts'
import { conditionText, loadText } from './scenarios/text.ts'

outliveReaders()
const interrupt = new AbortController()
process.on('SIGINT', () => interrupt.abort())
process.on('SIGTERM', () => interrupt.abort())

process.exitCode = await main().catch((error: unknown) => {
  // What ends because of an interruption has nothing to say of its own.
  if (interrupt.signal.aborted) {
    process.stderr.write('interrupted\n')
    return EXIT.interrupted
  }
  process.stderr.write(`bench: ${messageOf(error)}\n`)
  return EXIT.unusable
})

async function main(): Promise<number> {
  if (process.argv[2] === 'peers') return benchPeers(process.argv.slice(3), interrupt.signal)
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { requests: { type: 'string' } },
  })
  const [name] = positionals
  if (name === undefined) throw new Error(`a scenario is needed: ${[...scenarioNames(), 'peers'].join(', ')}`)
  const scenario = scaled(readScenario(name), values.requests)
  process.stdout.write(`${name}: ${scenario.description}\n`)
  return played(scenario)
}

async function played(scenario: Scenario): Promise<number> {
  const terminal = process.stderr.isTTY ? process.stderr : undefined
  const shown = new ShownLoads(openProgress({ err: tell, terminal }))
  const conditions = await playScenario(scenario, {
    signal: interrupt.signal,
    say: line => tell(`${line}\n`),
    onProgress: (load, plan, collector) => shown.show(load, plan, collector),
    onLoad: (load, result, cost) => {
      shown.clear()
      process.stdout.write(loadText(load, result, cost))
    },
  })
  if (interrupt.signal.aborted) {
    process.stdout.write('\ninterrupted: half a run can neither keep nor break what the scenario demands\n')
    return EXIT.interrupted
  }
  process.stdout.write(`\n${conditionText(conditions)}`)
  return conditions.every(({ holds }) => holds) ? EXIT.ok : EXIT.failures
}

function tell(text: string): void {
  process.stderr.write(text)
}

/** `--requests`: a smaller run of the same scenario; an overload has its length by time. */
function scaled(scenario: Scenario, text: string | undefined): Scenario {
  if (text === undefined) return scenario
  const requests = Number(text)
  if (!Number.isInteger(requests) || requests < 1) throw new Error('--requests is a whole number above 0')
  if (scenario.kind === 'soak') return { ...scenario, load: { ...scenario.load, requests } }
  if (scenario.kind === 'overload') throw new Error('--requests: an overload is measured by time')
  return {
    ...scenario,
    loads: scenario.loads.map(load => ({ ...load, requests: Math.min(requests, load.requests) })),
  }
}
