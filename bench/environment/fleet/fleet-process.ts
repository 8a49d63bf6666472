/** A scenario's handle on its simulated engines, which run in a process of their own. */
import { join } from 'node:path'
import { messageOf } from '../../../src/core/text/error-text.ts'
import { Child, nodeCommand } from '../../../src/process/child-process.ts'
import type { EngineCounters, FromFleet, PrefillUrl, ToFleet } from './messages.ts'
import type { FleetPlan } from './plan.ts'

const MAIN = join(import.meta.dirname, 'main.ts')

export class FleetProcess {
  readonly prefill: readonly PrefillUrl[]
  readonly decode: readonly string[]
  readonly mixed: readonly string[]
  readonly #child: Child

  private constructor(child: Child, urls: Extract<FromFleet, { kind: 'urls' }>) {
    this.#child = child
    this.prefill = urls.prefill
    this.decode = urls.decode
    this.mixed = urls.mixed
  }

  /** @throws Error when the plan names an unknown knob, or the process ends. */
  static async start(plan: FleetPlan): Promise<FleetProcess> {
    const child = Child.start({ ...nodeCommand(MAIN), stdout: 'inherit', channel: true })
    const response = await responseTo({ kind: 'open', plan }, child)
    if (response.kind === 'urls') return new FleetProcess(child, response)
    await child.stop()
    throw response.kind === 'refused' ? new Error(response.message) : unexpected(response)
  }

  /** @throws Error when the process ends. */
  async counters(): Promise<readonly EngineCounters[]> {
    const response = await responseTo({ kind: 'counters' }, this.#child)
    if (response.kind !== 'counters') throw unexpected(response)
    return response.engines
  }

  /** Starts the replay of the plan's fault script; without a script it does nothing. */
  startFaults(): void {
    this.#send({ kind: 'start-faults' })
  }

  stopFaults(): void {
    this.#send({ kind: 'stop-faults' })
  }

  /** The engine with this URL drops its prefix cache. */
  dropCache(url: string): void {
    this.#send({ kind: 'drop-cache', url })
  }

  async close(): Promise<void> {
    await this.#child.stop()
  }

  #send(message: ToFleet): void {
    this.#child.send(message)
  }
}

/** One at a time: the response is the next message. @throws Error when the process ends first. */
async function responseTo(message: ToFleet, child: Child): Promise<FromFleet> {
  try {
    return await child.firstMessage((response: FromFleet) => response, message)
  } catch (error) {
    throw new Error(`The process of the simulated engines ended: ${messageOf(error)}`, { cause: error })
  }
}

function unexpected({ kind }: FromFleet): TypeError {
  return new TypeError(`The process of the simulated engines sent an unexpected message: ${kind}`)
}
