/** What a scenario runs in: simulated engines and a gateway in front of them, each in its own process. */
import { FleetProcess } from './fleet/fleet-process.ts'
import type { FleetPlan } from './fleet/plan.ts'
import { GatewayProcess } from './gateway-process.ts'

export interface Environment {
  readonly fleet: FleetProcess
  readonly gateway: GatewayProcess
}

/**
 * Starts the processes, calls `use`, and stops the processes whatever `use` does.
 * @throws Error when a process does not start.
 */
export async function withEnvironment<T>(
  options: { readonly fleet: FleetPlan; readonly gatewayFlags: readonly string[] },
  use: (environment: Environment) => Promise<T>,
): Promise<T> {
  const fleet = await FleetProcess.start(options.fleet)
  try {
    const gateway = await GatewayProcess.start(fleet, options.gatewayFlags)
    try {
      return await use({ fleet, gateway })
    } finally {
      await gateway.close()
    }
  } finally {
    await fleet.close()
  }
}
