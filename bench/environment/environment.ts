/** Where a scenario plays: simulated engines and a gateway before them, each a process; closed however it ends. */
import { FleetProcess } from './fleet/fleet-process.ts'
import type { FleetPlan } from './fleet/plan.ts'
import { GatewayProcess } from './gateway-process.ts'

export interface Stage {
  readonly fleet: FleetProcess
  readonly gateway: GatewayProcess
}

/** @throws Error when one of them does not start. */
export async function onStage<T>(
  options: { readonly fleet: FleetPlan; readonly gatewayFlags: readonly string[] },
  play: (stage: Stage) => Promise<T>,
): Promise<T> {
  const fleet = await FleetProcess.start(options.fleet)
  try {
    const gateway = await GatewayProcess.start(fleet, options.gatewayFlags)
    try {
      return await play({ fleet, gateway })
    } finally {
      await gateway.close()
    }
  } finally {
    await fleet.close()
  }
}
