/** Command line of the gateway under measurement. Pure. */
import { join } from 'node:path'

/** Engines as the flags of a router name them. */
export interface PdEngines {
  readonly prefill: readonly { readonly url: string; readonly bootstrapPort: number }[]
  readonly decode: readonly string[]
}

const PROGRAM = join(import.meta.dirname, '..', '..', '..', 'bin', 'pd-gateway.js')

/** Flags that all routers of this family share. */
export function pdFlags({ prefill, decode }: PdEngines): readonly string[] {
  return [
    ...prefill.flatMap(({ url, bootstrapPort }) => ['--prefill', url, String(bootstrapPort)]),
    ...decode.flatMap(url => ['--decode', url]),
  ].concat('--policy', 'round_robin')
}

/** One router thread, because the gateway is measured on one core. */
export function gatewayArguments(
  engines: PdEngines,
  ports: { readonly port: number; readonly metricsPort: number },
): readonly string[] {
  const own = ['--workers', '1', '--log-level', 'warn', '--host', '127.0.0.1']
  const listen = ['--port', String(ports.port), '--prometheus-port', String(ports.metricsPort)]
  return [PROGRAM, '--pd-disaggregation', ...pdFlags(engines), ...own, ...listen]
}
