/** The command line of the gateway under measurement. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Engines as a router is told of them. */
export interface PdEngines {
  readonly prefill: readonly { readonly url: string; readonly bootstrapPort: number }[]
  readonly decode: readonly string[]
}

const GATEWAY = join(import.meta.dirname, '..', '..', 'bin', 'pd-gateway.js')

export function hasGateway(): boolean {
  return existsSync(GATEWAY)
}

/** Flags that every router of this family knows. */
export function pdFlags({ prefill, decode }: PdEngines): readonly string[] {
  return [
    ...prefill.flatMap(({ url, bootstrapPort }) => ['--prefill', url, String(bootstrapPort)]),
    ...decode.flatMap(url => ['--decode', url]),
  ].concat('--policy', 'round_robin')
}

/** One router thread: one core is what it is measured on. */
export function gatewayArguments(
  engines: PdEngines,
  ports: { readonly port: number; readonly metricsPort: number },
): readonly string[] {
  const own = ['--workers', '1', '--log-level', 'warn', '--host', '127.0.0.1']
  const listen = ['--port', String(ports.port), '--prometheus-port', String(ports.metricsPort)]
  return [GATEWAY, '--pd-disaggregation', ...pdFlags(engines), ...own, ...listen]
}
