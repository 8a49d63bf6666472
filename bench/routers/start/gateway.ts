/** Command line of the gateway under measurement. Pure. */
import { join } from 'node:path'

/** Engines as the flags of a router name them. */
export interface RouterEngines {
  readonly prefill: readonly { readonly url: string; readonly bootstrapPort: number }[]
  readonly decode: readonly string[]
  /** If there are any, there are no others. */
  readonly mixed?: readonly string[]
}

/** How a router is to work. */
export interface RouterSettings {
  readonly policy: string
  /** Router threads, of the gateway only: the others have one runtime with as many threads as cores. */
  readonly threads: number
}

const PROGRAM = join(import.meta.dirname, '..', '..', '..', 'bin', 'pd-gateway.js')

/** Flags that all routers of this family share. `pairsFlag` says that engines work in pairs. */
export function engineFlags(
  { prefill, decode, mixed = [] }: RouterEngines,
  policy: string,
  pairsFlag = '--pd-disaggregation',
): readonly string[] {
  if (mixed.length > 0) return ['--worker-urls', ...mixed, '--policy', policy]
  return [
    pairsFlag,
    ...prefill.flatMap(({ url, bootstrapPort }) => ['--prefill', url, String(bootstrapPort)]),
    ...decode.flatMap(url => ['--decode', url]),
  ].concat('--policy', policy)
}

export function gatewayArguments(
  engines: RouterEngines,
  ports: { readonly port: number; readonly metricsPort: number },
  { policy, threads }: RouterSettings,
): readonly string[] {
  const own = ['--workers', String(threads), '--log-level', 'warn', '--host', '127.0.0.1']
  const listen = ['--port', String(ports.port), '--prometheus-port', String(ports.metricsPort)]
  return [PROGRAM, ...engineFlags(engines, policy), ...own, ...listen]
}
