/** Flags of `pd-gateway bench speed`. */
import { type Command, InvalidArgumentError } from 'commander'
import { namesOf, wholeBetween } from '../flags/values.ts'
import { SPEED_LOAD_NAMES, type SpeedLoadName } from '../routers/loads/names.ts'
import type { SpeedOptions } from '../routers/run-speed.ts'

interface Flags {
  readonly rounds: number
  readonly seconds: number
  readonly only?: readonly SpeedLoadName[]
  readonly json?: boolean
  readonly check?: boolean
  readonly noise?: boolean
  readonly target?: SpeedOptions['extraTargets']
}

export function addSpeedCommand(bench: Command, start: (options: SpeedOptions) => Promise<void>): void {
  bench
    .command('speed')
    .description(
      "Measure the gateway's CPU per request and chunk as a multiple of haproxy's. Needs wrk and haproxy.",
    )
    .option('--rounds <n>', 'Measured rounds of each load, after a warm-up round.', wholeBetween(1, 100), 5)
    .option('--seconds <n>', 'Length of a round.', wholeBetween(1, 120), 3)
    .option(
      '--only <loads>',
      'Loads to run, separated by commas; may be repeated.',
      namesOf(SPEED_LOAD_NAMES),
    )
    .option('--json', 'Print the results as JSON.')
    .option('--check', 'Exit with 1 when a goal of the gateway is missed.')
    .option('--noise', 'Measure a second haproxy instead of the gateway: shows the noise of the machine.')
    .option(
      '--target <name=url,pid>',
      'Another router, already running on 127.0.0.1; may be repeated.',
      extraTarget,
    )
    .addHelpText('after', `\nLoads: ${SPEED_LOAD_NAMES.join(', ')}`)
    .action((flags: Flags) => start(optionsOf(flags)))
}

function optionsOf({ rounds, seconds, only, json, check, noise, target = [] }: Flags): SpeedOptions {
  return {
    rounds,
    seconds,
    only: SPEED_LOAD_NAMES.filter(name => only?.includes(name) ?? true),
    json: json === true,
    check: check === true,
    noise: noise === true,
    extraTargets: target,
  }
}

function extraTarget(text: string, before: SpeedOptions['extraTargets'] = []): SpeedOptions['extraTargets'] {
  const match = /^([\w.-]+)=(http:\/\/127\.0\.0\.1:\d+),(\d+)$/.exec(text)
  if (match === null) throw new InvalidArgumentError('Expected NAME=http://127.0.0.1:PORT,PID.')
  const [, name = '', url = '', pid = ''] = match
  return [...before, { name, url, pid: Number(pid) }]
}
