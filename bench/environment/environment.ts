/** What a scenario runs in: simulated engines and a gateway in front of them, each in its own process. */

import type { ProcessLimits } from '../../src/process/process-limits.ts'
import { FleetProcess } from './fleet/fleet-process.ts'
import type { FleetPlan } from './fleet/plan.ts'
import { GatewayProcess } from './gateway-process.ts'

export interface Environment {
  readonly fleet: FleetProcess
  readonly gateway: GatewayProcess
}

export interface EnvironmentOptions {
  readonly fleet: FleetPlan
  readonly gatewayFlags: readonly string[]
  /** Limits of the gateway's process. */
  readonly gatewayLimits?: ProcessLimits
}

/**
 * Starts the processes, calls `use`, and stops the processes whatever `use` does.
 * @throws Error when a process does not start.
 */
export async function withEnvironment<T>(
  options: EnvironmentOptions,
  use: (environment: Environment) => Promise<T>,
): Promise<T> {
  const fleet = await FleetProcess.start(options.fleet)
  try {
    const gateway = await GatewayProcess.start(fleet, options.gatewayFlags, options.gatewayLimits)
    try {
      return await use({ fleet, gateway })
    } finally {
      await gateway.close()
    }
  } finally {
    await fleet.close()
  }
}
