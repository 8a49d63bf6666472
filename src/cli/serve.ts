/** `pd-gateway [serve]`: loads the configuration, starts the gateway, and drains and closes it on a signal. */
import type { Config } from '../config/config.ts'
import type { GivenValue } from '../config/flags.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { untilStopped } from '../process/stop-signals.ts'
import { IGNORED_FLAGS, ignoredFlagWarnings } from './compat/ignored-flags.ts'
import { rejectedFlagIssues } from './compat/rejected-flags.ts'
import type { CliDependencies } from './dependencies.ts'
import { settingsOfEnvironment, settingsOfFlags } from './settings.ts'

type Environment = Readonly<Record<string, string | undefined>>

export async function serve(
  given: ReadonlyMap<string, GivenValue>,
  env: Environment,
  deps: CliDependencies,
): Promise<number> {
  const { config, warnings } = configOf(given, env)
  for (const warning of warnings) deps.err(`warning: ${warning}\n`)
  return serveConfig(config, deps)
}

/** Longest wait for the engines before `onReady` is called anyway. Those of a demo are up within seconds. */
const READY_LIMIT_MS = 15_000

/** Serves until a signal arrives. `onReady` is called with the port once the engines are up. */
export async function serveConfig(
  config: Config,
  deps: CliDependencies,
  onReady?: (port: number) => void,
): Promise<number> {
  const { stopped, undo } = untilStopped(deps)
  try {
    const gateway = await deps.startGateway(config)
    if (onReady !== undefined) {
      await Promise.race([gateway.whenReady(READY_LIMIT_MS), stopped])
      onReady(gateway.port)
    }
    const { shutdownSettleSecs, shutdownGraceSecs } = config.server
    // SIGINT comes from a person at a terminal: there is no load balancer to wait for.
    const settleSecs = (await stopped) === 'SIGTERM' ? shutdownSettleSecs : 0
    await gateway.drain({ settleMs: settleSecs * 1000, limitMs: shutdownGraceSecs * 1000 })
    await gateway.close()
    return 0
  } finally {
    undo()
  }
}

function configOf(
  given: ReadonlyMap<string, GivenValue>,
  env: Environment,
): { readonly config: Config; readonly warnings: readonly string[] } {
  const rejected = rejectedFlagIssues(given, env)
  if (rejected.length > 0) throw new ConfigError(rejected)
  const flags = settingsOfFlags(given)
  const variables = settingsOfEnvironment(env)
  const path = given.get('config') ?? env['PDGW_CONFIG']
  const file = typeof path === 'string' && path !== '' ? path : undefined
  const config = loadConfig({ file, env: variables.settings, flags: flags.settings })
  const ignored = Object.values(IGNORED_FLAGS)
    .flat()
    .filter(flag => given.has(flag))
  const warnings = [
    ...variables.warnings,
    ...flags.warnings,
    ...ignoredFlagWarnings(ignored),
    ...engineWarnings(config),
  ]
  return { config, warnings }
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
