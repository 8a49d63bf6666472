/** `pd-gateway demo`: simulated engines in a child process, and a gateway in front of them. Takes all flags of `serve`. */

import { isIPv6 } from 'node:net'
import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import type { GivenValue } from '../config/given-values.ts'
import { ConfigError, type Setting } from '../config/load.ts'
import { demoAddresses, portsInUse } from './demo-ports.ts'
import type { CliDependencies, EngineCounts, FleetUrls, RunningGateway } from './dependencies.ts'
import { OPTIONS } from './flags/serve-flags.ts'
import { engineCounts, type FleetFlags } from './fleet-flags.ts'
import { startFleetProcess } from './fleet-process.ts'
import { configOf, type Environment, serveConfig } from './serve.ts'

/** Default of `--base-port`: next to the ports of the gateway, and below those that Linux gives to outgoing connections. */
export const DEMO_BASE_PORT = 31_900

/** A decode step takes 10 to 20 ms (up to 256 requests, the simulator's default batch), as an 8B model on an H100 does. */
const PACE = { itlPerReqMs: 0.04 }

/** Settings that hold unless a config file, an environment variable or a flag sets the key. */
const DEFAULTS: readonly Setting[] = Object.entries({
  'server.host': '127.0.0.1',
  // No load balancer needs time to notice the shutdown.
  'server.shutdownSettleSecs': 0,
  // A few engines need minutes for the requests of thousands of clients, and fail more often in such bursts.
  'admission.queueTimeoutSecs': 300,
  'retry.maxRetries': 5,
}).map(([key, value]) => ({ source: 'demo default', path: key.split('.'), value }))

/** Flags of `serve` that name engines, which the demo starts itself. */
const ENGINE_FLAGS: readonly string[] = ['prefill', 'decode', 'worker-urls']

/** Adjusts the help of the gateway's flags to the demo: its own defaults, and none of the flags that name engines. */
export function describeDemo(command: Command): void {
  const defaults = new Map(DEFAULTS.map(({ path, value }) => [path.join('.'), String(value)]))
  const keys = new Map(OPTIONS.map(({ flag, path }) => [flag, path.join('.')]))
  for (const option of command.options) {
    const name = option.name()
    if (ENGINE_FLAGS.includes(name)) option.hideHelp()
    const value = defaults.get(keys.get(name) ?? '')
    if (value !== undefined)
      option.description = option.description.replace(/\(default: .*\)$/, `(default: ${value})`)
  }
}

export interface DemoOptions {
  /** Flags of the gateway, by name without dashes. */
  readonly given: ReadonlyMap<string, GivenValue>
  readonly env: Environment
  readonly fleet: FleetFlags
}

export async function demo(options: DemoOptions, deps: CliDependencies): Promise<number> {
  const { given, env, fleet: flags } = options
  const counts = engineCounts(flags)
  const issues = [...engineFlagIssues(given), ...modeIssues(given, counts)]
  if (issues.length > 0) throw new ConfigError(issues)
  const configFor = (urls: FleetUrls) =>
    configOf(given, env, { defaults: DEFAULTS, overrides: engineSettings(urls, counts) })
  // Reports a faulty configuration before any engine starts. Their addresses are not known yet.
  const { config: checked } = configFor({ prefill: [], decode: [], mixed: [] })
  const busy = await deps.busyAddresses(demoAddresses(checked, counts, flags.basePort ?? DEMO_BASE_PORT))
  if (busy.length > 0) throw portsInUse(busy)

  deps.out(`Starting simulated engines: ${countText(counts)} …\n`)
  const fleet = await startFleetProcess(deps.mainPath, fleetArguments(flags, counts))
  try {
    const { config, warnings } = configFor(fleet)
    for (const warning of warnings) deps.err(`warning: ${warning}\n`)
    return await serveConfig(config, deps, gateway => deps.out(demoText(config, gateway)))
  } finally {
    await fleet.close()
  }
}

function engineFlagIssues(given: ReadonlyMap<string, GivenValue>): string[] {
  return ENGINE_FLAGS.filter(flag => given.has(flag)).map(
    flag =>
      `flag --${flag}: the demo starts its own engines; for other engines, run the gateway without "demo"`,
  )
}

/** A gateway uses either pairs or mixed engines. */
function modeIssues(
  given: ReadonlyMap<string, GivenValue>,
  { prefill, decode, mixed }: EngineCounts,
): string[] {
  if (mixed === 0) return []
  if (prefill + decode > 0) {
    return ['flag --mixed-count: cannot be combined with --prefill-count or --decode-count in the demo']
  }
  return given.has('pd-disaggregation')
    ? ['flag --pd-disaggregation: cannot be combined with --mixed-count in the demo']
    : []
}

/** These win over every other source, so that the demo never uses engines of a config file or the environment. */
function engineSettings({ prefill, decode, mixed }: FleetUrls, counts: EngineCounts): Setting[] {
  const source = 'demo engines'
  return [
    { source, path: ['engines', 'mode'], value: counts.mixed > 0 ? 'mixed' : 'pd' },
    { source, path: ['engines', 'prefill'], value: prefill },
    { source, path: ['engines', 'decode'], value: decode },
    { source, path: ['engines', 'mixed'], value: mixed },
  ]
}

function fleetArguments(flags: FleetFlags, { prefill, decode, mixed }: EngineCounts): string[] {
  const { basePort = DEMO_BASE_PORT, preset = 'calm', script, knob } = flags
  const knobs = Object.entries({ ...PACE, ...knob }).map(
    ([name, value]) => `${name}=${JSON.stringify(value)}`,
  )
  return [
    '--prefill-count',
    String(prefill),
    '--decode-count',
    String(decode),
    '--mixed-count',
    String(mixed),
    ...(basePort === 0 ? [] : ['--base-port', String(basePort)]),
    '--preset',
    preset,
    '--knob',
    ...knobs,
    ...(script === undefined ? [] : ['--script', script]),
  ]
}

function countText(counts: EngineCounts): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0)
  return parts.map(([role, count]) => `${count} ${role}`).join(' and ')
}

function demoText({ server, admin }: Config, { port, adminPort }: RunningGateway): string {
  const api = `http://${reachableHost(server.host)}:${port}`
  const adminOrigin = `http://${reachableHost(admin.host ?? server.host)}:${adminPort}`
  const json = `-H 'content-type: application/json'`
  const chat = `"model":"sim","max_tokens":32,"messages":[{"role":"user","content":"Hello"}]`
  return `
API:      ${api}
Metrics:  ${adminOrigin}/metrics
Admin:    ${adminOrigin}/admin/engines

Try it in another terminal:

  Chat:        curl ${api}/v1/chat/completions ${json} -d '{${chat}}'
  Streaming:   curl -N ${api}/v1/chat/completions ${json} -d '{${chat},"stream":true}'
  SGLang API:  curl ${api}/generate ${json} -d '{"text":"Hello","sampling_params":{"max_new_tokens":32}}'
  Metrics:     curl ${adminOrigin}/metrics
  Engines:     curl ${adminOrigin}/admin/engines

Press Ctrl-C to stop.
`
}

/** A host for URLs: a listener on all addresses is reachable at the loopback address. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return isIPv6(host) ? `[${host}]` : host
}
