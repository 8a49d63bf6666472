/** `pd-gateway [serve]`: loads the configuration, starts the gateway, and drains and closes it on a signal. */
import type { Config } from '../config/config.ts'
import type { GivenValue } from '../config/given-values.ts'
import { ConfigError, loadConfig, type Setting } from '../config/load.ts'
import { outliveSignals, untilStopped } from '../process/stop-signals.ts'
import { ignoredFlagWarnings } from './compat/ignored-flags.ts'
import { rejectedFlagIssues } from './compat/rejected-flags.ts'
import { unsupportedValueIssues } from './compat/values.ts'
import type { CliDependencies, RunningGateway } from './dependencies.ts'
import { settingsOfEnvironment, settingsOfFlags } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export async function serve(
  given: ReadonlyMap<string, GivenValue>,
  env: Environment,
  deps: CliDependencies,
): Promise<number> {
  const { config, warnings } = configOf(given, env)
  for (const warning of warnings) deps.err(`warning: ${warning}\n`)
  return serveConfig(config, deps)
}

/** The engines of the demo are ready within seconds. After this time its addresses are printed anyway. */
const READY_LIMIT_MS = 15_000

/** Serves until a signal arrives. `onReady` is called once requests can be served, or after 15 s. */
export async function serveConfig(
  config: Config,
  deps: CliDependencies,
  onReady?: (gateway: RunningGateway) => void,
): Promise<number> {
  const { stopped, stop, undo } = untilStopped(deps)
  let gateway: RunningGateway | undefined
  // Without a log file a terminal that sends SIGHUP is gone; anyone else who sends it expects the log to be reopened.
  const endsWithTerminal = config.log.dir === undefined && deps.terminal !== undefined
  const undoOthers = outliveSignals(deps, () => (endsWithTerminal ? stop('SIGHUP') : gateway?.reopenLog()))
  try {
    gateway = await deps.startGateway(config)
    if (onReady !== undefined) {
      await Promise.race([gateway.whenReady(READY_LIMIT_MS), stopped])
      onReady(gateway)
    }
    const { shutdownSettleSecs, shutdownGraceSecs } = config.server
    // SIGINT comes from a person at a terminal: there is no load balancer to wait for.
    const settleSecs = (await stopped) === 'SIGTERM' ? shutdownSettleSecs : 0
    await gateway.drain({ settleMs: settleSecs * 1000, limitMs: shutdownGraceSecs * 1000 })
    await gateway.close()
    return 0
  } finally {
    undo()
    undoOthers()
  }
}

/** Settings around those of the user: `defaults` yield to every source, `overrides` win over all of them. */
interface OuterSettings {
  readonly defaults?: readonly Setting[]
  readonly overrides?: readonly Setting[]
}

export function configOf(
  given: ReadonlyMap<string, GivenValue>,
  env: Environment,
  { defaults = [], overrides = [] }: OuterSettings = {},
): { readonly config: Config; readonly warnings: readonly string[] } {
  const rejected = [...rejectedFlagIssues(given, env), ...unsupportedValueIssues(given)]
  if (rejected.length > 0) throw new ConfigError(rejected)
  const flags = settingsOfFlags(given)
  const variables = settingsOfEnvironment(env)
  const path = given.get('config') ?? env['PDGW_CONFIG']
  const file = typeof path === 'string' && path !== '' ? path : undefined
  const config = loadConfig({
    defaults,
    file,
    env: variables.settings,
    flags: [...flags.settings, ...overrides],
  })
  const warnings = [
    ...variables.warnings,
    ...flags.warnings,
    ...ignoredFlagWarnings(given),
    ...engineWarnings(config),
    ...kvEventWarnings(config),
  ]
  return { config, warnings }
}

/** KV events say what engines have computed, so they matter where the policy that chooses these goes by caches. */
function kvEventWarnings({ engines, policy }: Config): string[] {
  const { main, prefill = main, kvEvents } = policy
  const chosenBy = engines.mode === 'mixed' ? main : prefill
  if (!kvEvents.enabled || chosenBy === 'cache_aware') return []
  const role = engines.mode === 'mixed' ? 'mixed' : 'prefill'
  return [
    `KV events have no effect, because ${role} engines are chosen by ${chosenBy}: use policy cache_aware, or leave out --kv-events`,
  ]
}

function engineWarnings({ engines }: Config): string[] {
  if (engines.mode === 'mixed')
    return engines.mixed.length === 0
      ? ['no engines are configured: all requests are rejected with 503 until one is added']
      : []
  const missing = [
    ...(engines.prefill.length === 0 ? ['prefill'] : []),
    ...(engines.decode.length === 0 ? ['decode'] : []),
  ]
  if (missing.length === 0) return []
  return [
    `no ${missing.join(' or ')} engines are configured: all requests are rejected with 503 until they are added`,
  ]
}
