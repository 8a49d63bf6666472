/** What the client programs of a part talk to: a gateway in a process of its own, before simulated engines in this one. */
import { GatewayProcess } from '../../../bench/environment/gateway-process.ts'
import { type ControlServer, startControlServer } from '../../../src/simulator/control-server.ts'
import type { SimEngine } from '../../../src/simulator/engine.ts'
import { type SimulatedFleet, startFleet } from '../../../src/simulator/fleet.ts'
import type { Knobs } from '../../../src/simulator/settings/knobs.ts'

export interface TargetOptions {
  readonly knobs?: Partial<Knobs>
  /** Flags of the gateway besides those that name its engines and its ports. */
  readonly flags?: readonly string[]
}

/** Steps as short as those of an 8B model on an H100, so that a part takes seconds. */
const KNOBS: Partial<Knobs> = { itlPerReqMs: 0.04 }

export class Target {
  readonly prefill: SimEngine
  readonly decode: SimEngine
  readonly #fleet: SimulatedFleet
  readonly #control: ControlServer
  readonly #gateway: GatewayProcess

  private constructor(fleet: SimulatedFleet, control: ControlServer, gateway: GatewayProcess) {
    const [[prefill], [decode]] = [fleet.prefill, fleet.decode]
    if (prefill === undefined || decode === undefined) throw new TypeError('The fleet has a pair')
    this.prefill = prefill
    this.decode = decode
    this.#fleet = fleet
    this.#control = control
    this.#gateway = gateway
  }

  /** Resolves when the gateway is ready. @throws Error with the gateway's own output if it does not start. */
  static async open({ knobs = {}, flags = [] }: TargetOptions = {}): Promise<Target> {
    const fleet = await startFleet({ prefill: 1, decode: 1, knobs: { ...KNOBS, ...knobs } })
    try {
      const prefill = fleet.prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort }))
      const gateway = await GatewayProcess.start(
        { prefill, decode: fleet.decode.map(({ url }) => url) },
        flags,
      )
      return new Target(fleet, await startControlServer(fleet, 0), gateway)
    } catch (error) {
      await fleet.close()
      throw error
    }
  }

  /** Origin of the data port. */
  get url(): string {
    return this.#gateway.url
  }

  /** Origin of the listener for metrics and administration. */
  get adminUrl(): string {
    return this.#gateway.adminUrl
  }

  /** Origin of the server that sets knobs of the engines. */
  get controlUrl(): string {
    return this.#control.url
  }

  /** Requests that the engines hold. */
  get running(): number {
    return this.prefill.running() + this.decode.running()
  }

  /** The gateway's metrics as Prometheus text. */
  async metrics(): Promise<string> {
    return this.#gateway.metrics()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway.close()
    await this.#control.close()
    await this.#fleet.close()
  }
}
