/** The scenario files next to this module, one YAML document each. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

const EXTENSION = '.yaml'

export function scenarioNames(): readonly string[] {
  const files = readdirSync(import.meta.dirname).filter(file => file.endsWith(EXTENSION))
  return files.map(file => file.slice(0, -EXTENSION.length)).toSorted()
}

/** The content of a scenario file, not validated. @throws Error when there is no such scenario. */
export function parseScenarioFile(name: string): unknown {
  if (!scenarioNames().includes(name))
    throw new Error(`Unknown scenario ${name}; known scenarios: ${scenarioNames().join(', ')}`)
  return parse(readFileSync(join(import.meta.dirname, `${name}${EXTENSION}`), 'utf8'))
}
