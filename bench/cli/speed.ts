/** Flags of the speed bench. Does not start anything. */
import { parseArgs } from 'node:util'
import { boundedInteger } from '../bounded-integer.ts'
import { SCENARIOS } from '../routers/loads/wrk-loads.ts'

/** A router that is already running, measured beside ours. */
interface ExtraTarget {
  readonly name: string
  readonly url: string
  readonly pid: number
}

export interface SpeedOptions {
  /** Measured rounds of each scenario; one more is made first and thrown away. */
  readonly rounds: number
  /** Length of a round, in seconds. */
  readonly seconds: number
  /** Names of the scenarios to run. */
  readonly only: readonly string[]
  readonly json: boolean
  /** Exit code 1 when a ratio misses its bar. */
  readonly check: boolean
  /** A second haproxy in the place of the gateway: shows what the machine's noise alone does to the ratios. */
  readonly noise: boolean
  readonly extras: readonly ExtraTarget[]
}

/** @throws RangeError for a value that is out of bounds or unknown. */
export function parseSpeedOptions(args: readonly string[]): SpeedOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string', default: SCENARIOS.map(scenario => scenario.name).join(',') },
      json: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      noise: { type: 'boolean', default: false },
      target: { type: 'string', multiple: true, default: [] },
    },
  })
  return {
    rounds: boundedInteger('rounds', values.rounds, [1, 100]),
    seconds: boundedInteger('seconds', values.seconds, [1, 120]),
    only: values.only.split(',').map(knownScenario),
    json: values.json,
    check: values.check,
    noise: values.noise,
    extras: values.target.map(parseExtraTarget),
  }
}

function knownScenario(name: string): string {
  if (SCENARIOS.some(scenario => scenario.name === name)) return name
  const known = SCENARIOS.map(scenario => scenario.name).join(', ')
  throw new RangeError(`--only knows ${known}, not "${name}"`)
}

function parseExtraTarget(text: string): ExtraTarget {
  const match = /^([\w.-]+)=(http:\/\/127\.0\.0\.1:\d+),(\d+)$/.exec(text)
  if (match === null) throw new RangeError(`--target is NAME=http://127.0.0.1:PORT,PID, not "${text}"`)
  const [, name = '', url = '', pid = ''] = match
  return { name, url, pid: Number(pid) }
}
