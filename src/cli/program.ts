/** Defines the commands and flags of the command line. Each command is implemented in its own file. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { addBenchCommands } from '../../bench/cli/bench.ts'
import type { GivenValue } from '../config/given-values.ts'
import { configKeys } from '../config/key-list.ts'
import { ConfigError } from '../config/load.ts'
import { fullFlagNames } from './compat/flag-names.ts'
import { IGNORED_FLAGS } from './compat/ignored-flags.ts'
import { REJECTED_FLAGS } from './compat/rejected-flags.ts'
import { DEMO_BASE_PORT, demo, describeDemo } from './demo.ts'
import {
  type CliDependencies,
  type StartFleet,
  type StartGateway,
  systemDependencies,
} from './dependencies.ts'
import type { CliOption } from './flags/cli-option.ts'
import { flagDefault, flagHelp } from './flags/flag-help.ts'
import { OPTIONS } from './flags/serve-flags.ts'
import { addFleetFlags } from './fleet-flags.ts'
import { printReference } from './reference.ts'
import { serve } from './serve.ts'
import { addSimulateOptions, simulate } from './simulate.ts'

const EXIT_USAGE = 2
const EXIT_FAILED = 1

const EXAMPLES = `
Each flag can also be set by an environment variable (--log-level by PDGW_LOG_LEVEL) or in the config file.
Flags override variables, and variables override the file. See docs/reference.md for all settings.

Examples:
  pd-gateway demo                                     try it with simulated engines
  pd-gateway --pd-disaggregation \\
      --prefill http://10.0.0.1:30000 8998 \\
      --decode http://10.0.0.2:30000                  one prefill and one decode engine
  pd-gateway --worker-urls http://10.0.0.1:30000      an engine that does both
  pd-gateway --config config/sglang-pd.yaml --port 8080
`

/** Runs one command and returns its exit code. A command that serves returns once it has been stopped by a signal. */
export async function runCli(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  deps: { readonly startGateway: StartGateway; readonly startFleet: StartFleet } & Partial<CliDependencies>,
): Promise<number | undefined> {
  const dependencies: CliDependencies = { ...systemDependencies(), ...deps }
  const result: { code: number | undefined } = { code: 0 }
  const program = buildProgram(dependencies, env, result)
  try {
    await program.parseAsync([...fullArguments(program, withoutServe(argv))], { from: 'user' })
    return result.code
  } catch (error) {
    return exitCodeOf(error, dependencies)
  }
}

function exitCodeOf(error: unknown, deps: CliDependencies): number {
  // commander has already printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
  if (error instanceof ConfigError) {
    deps.err(`${error.message}\n`)
    return EXIT_USAGE
  }
  deps.err(`pd-gateway: ${error instanceof Error ? error.message : String(error)}\n`)
  return EXIT_FAILED
}

/** `serve` is the default command, so naming it is optional. `launch` is the name of another router for it. */
function withoutServe(argv: readonly string[]): readonly string[] {
  return argv[0] === 'serve' || argv[0] === 'launch' ? argv.slice(1) : argv
}

/**
 * Completes the names of the gateway's flags; other commands have few flags, and their own.
 * @throws ConfigError that lists all flags that are unknown or ambiguous.
 */
function fullArguments(program: Command, argv: readonly string[]): readonly string[] {
  const [first = '-'] = argv
  const command = first.startsWith('-')
    ? program
    : program.commands.find(candidate => candidate.name() === first)
  if (command === undefined || (command !== program && first !== 'demo')) return argv
  const known = command.options.flatMap(({ long }) => long ?? [])
  const { args, issues } = fullFlagNames(argv, [...known, '--help'])
  if (issues.length > 0) throw new ConfigError(issues)
  return args
}

function buildProgram(
  deps: CliDependencies,
  env: Readonly<Record<string, string | undefined>>,
  result: { code: number | undefined },
): Command {
  const program = new Command('pd-gateway')
    .description('Gateway for prefill/decode disaggregated LLM serving.')
    .usage('[command] [flags]')
    .version(version(), '--version', 'Print the version.')
    .helpOption('-h, --help', 'Print this help.')
    .configureOutput({
      writeOut: deps.out,
      writeErr: deps.err,
      ...(deps.columns ? widths(deps.columns) : {}),
    })
    .enablePositionalOptions()
    .exitOverride()
    .addHelpText('after', EXAMPLES)
  addServeOptions(program)
  program.action(async (_options: unknown, command: Command) => {
    const [unknown] = command.args
    if (unknown !== undefined) command.error(`error: unknown command '${unknown}'; --help lists the commands`)
    result.code = await serve(givenFlags(command), env, deps)
  })
  addCommands(program, deps, env, result)
  // Commands would inherit it. The action reports what is left over, as the name of an unknown command.
  return program.allowExcessArguments()
}

function addCommands(
  program: Command,
  deps: CliDependencies,
  env: Readonly<Record<string, string | undefined>>,
  result: { code: number | undefined },
): void {
  program
    .commandsGroup('Commands (serve by default):')
    .helpCommand('help [command]', 'Print the help of a command.')
  program.command('serve').description('Run the gateway with the flags above.').helpOption(false)
  addSimulateOptions(program.command('simulate').description('Run simulated engines.')).action(
    async (_options: unknown, command: Command) => {
      result.code = await simulate(command.opts(), deps)
    },
  )
  const demoCommand = program
    .command('demo')
    .description(
      'Run simulated engines with a gateway in front of them. Takes all flags of the gateway, except those that name engines.',
    )
  addServeOptions(addFleetFlags(demoCommand, DEMO_BASE_PORT))
  describeDemo(demoCommand)
  demoCommand.action(async (_options: unknown, command: Command) => {
    result.code = await demo({ given: givenFlags(command), env, fleet: command.opts() }, deps)
  })
  addBenchCommands(program, deps, code => {
    result.code = code
  })
  for (const what of ['config-schema', 'reference'] as const) {
    program
      .command(what, { hidden: true })
      .description('Print a generated file of the repository.')
      .action(() => printReference(what, deps.out))
  }
}

function addServeOptions(program: Command): void {
  const keys = new Map(configKeys().map(key => [key.key, key]))
  program.addOption(new Option('--config <file>', 'Configuration file, YAML or JSON.').helpGroup('Server:'))
  for (const option of OPTIONS) {
    const key = keys.get(option.path.join('.'))
    program.addOption(new Option(termOf(option), helpOf(option, key)).helpGroup(option.group))
  }
  for (const flags of [IGNORED_FLAGS, REJECTED_FLAGS]) {
    for (const flag of flags.none) program.addOption(new Option(`--${flag}`).hideHelp())
    for (const flag of flags.one) program.addOption(new Option(`--${flag} <value>`).hideHelp())
    for (const flag of flags.many) program.addOption(new Option(`--${flag} [values...]`).hideHelp())
  }
}

function termOf({ flag, shape, placeholder }: CliOption): string {
  if (shape === 'flag') return `--${flag}`
  return shape === 'list' ? `--${flag} <${placeholder}...>` : `--${flag} <${placeholder}>`
}

function helpOf(
  option: CliOption,
  key: { readonly description: string; readonly default: unknown } | undefined,
): string {
  const { help, shape, shownDefault } = option
  const text = flagHelp(option, key?.description)
  const hasNote = shape !== 'flag' && (help === undefined || shownDefault !== undefined)
  return hasNote ? text + defaultNote(flagDefault(option, key?.default)) : text
}

function defaultNote(value: unknown): string {
  if (value === undefined) return ''
  return ` (default: ${typeof value === 'string' ? value : JSON.stringify(value)})`
}

/** Values by flag name; commander keeps them by camel case name. */
function givenFlags(command: Command): Map<string, GivenValue> {
  const given = new Map<string, GivenValue>()
  for (const option of command.options) {
    const value: unknown = command.getOptionValue(option.attributeName())
    if (isGiven(value)) given.set(option.name(), value)
  }
  return given
}

function isGiven(value: unknown): value is GivenValue {
  return typeof value === 'string' || typeof value === 'boolean' || Array.isArray(value)
}

function widths(columns: number): { getOutHelpWidth: () => number; getErrHelpWidth: () => number } {
  return { getOutHelpWidth: () => columns, getErrHelpWidth: () => columns }
}

function version(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof content === 'object' && content !== null && 'version' in content
    ? String(content.version)
    : ''
}
