/** `pd-gateway bench SCENARIO`: a command for each scenario file. */
import type { Command } from 'commander'
import type { ScenarioOptions } from '../command/run-scenario-file.ts'
import { count } from '../flags/values.ts'
import { parseScenarioFile, scenarioNames } from '../scenarios/scenario-files.ts'

export function addScenarioCommands(
  bench: Command,
  start: (options: ScenarioOptions) => Promise<void>,
): void {
  for (const name of scenarioNames()) {
    // Hidden, because the help of `bench` lists the scenarios with their descriptions, which are read only for it.
    bench
      .command(name, { hidden: true })
      .option(
        '--requests <n>',
        'Send at most this many requests per load. Not for overload scenarios.',
        count,
      )
      .addHelpText('before', () => `${descriptionOf(name)}\n`)
      .action(({ requests }: { readonly requests?: number }) => start({ name, requests }))
  }
  bench.addHelpText('after', scenarioList)
}

function scenarioList(): string {
  const names = scenarioNames()
  const width = Math.max(...names.map(({ length }) => length))
  const lines = names.map(name => `  ${name.padEnd(width)}  ${descriptionOf(name)}`)
  return `\nScenarios (simulated engines and a gateway, with expectations that must hold):\n${lines.join('\n')}`
}

function descriptionOf(name: string): string {
  const content = parseScenarioFile(name)
  const description =
    typeof content === 'object' && content !== null ? Reflect.get(content, 'description') : ''
  return String(description).trim()
}
