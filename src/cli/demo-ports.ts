/** The ports of the demo. All of them are checked before anything starts, because a second demo finds none of them free. */
import type { Config } from '../config/config.ts'
import type { Address } from '../process/busy-addresses.ts'
import type { EngineCounts } from './dependencies.ts'

/** Host of the simulated engines. */
const ENGINE_HOST = '127.0.0.1'
const MAX_PORT = 65_535

export interface DemoAddress extends Address {
  /** Flag that moves the port. */
  readonly flag: string
}

/** Addresses that the demo will listen on, without those whose port is chosen by the system. */
export function demoAddresses(
  { server, admin }: Pick<Config, 'server' | 'admin'>,
  { prefill, decode, mixed }: EngineCounts,
  basePort: number,
): DemoAddress[] {
  // Each prefill engine has a bootstrap server.
  const count = 2 * prefill + decode + mixed
  const engines = Array.from({ length: basePort === 0 ? 0 : count }, (_, index) => ({
    flag: '--base-port',
    host: ENGINE_HOST,
    port: basePort + index,
  }))
  return [
    ...engines,
    { flag: '--port', host: server.host, port: server.port },
    { flag: '--prometheus-port', host: admin.host ?? server.host, port: admin.port },
    { flag: '--health-check-port', host: server.host, port: admin.healthPort ?? 0 },
  ].filter(({ port }) => port > 0 && port <= MAX_PORT)
}

/** Names all flags that have to change, so that the next attempt does not fail at the next port. */
export function portsInUse(busy: readonly DemoAddress[]): Error {
  const groups = [...Map.groupBy(busy, ({ flag }) => flag)]
  const ports = groups.map(([flag, taken]) => `${taken.map(({ port }) => port).join(', ')} (${flag})`)
  const flags = groups.map(([flag]) => `${flag} 0`).join(' ')
  return new Error(
    `Cannot start the demo: ports in use: ${ports.join('; ')}. Stop what listens there, such as another demo, or take any free ports: ${flags}`,
  )
}
