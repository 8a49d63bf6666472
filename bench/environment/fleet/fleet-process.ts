/** A scenario's handle on its simulated engines, which run in a process of their own. */
import { join } from 'node:path'
import { messageOf } from '../../../src/core/error-text.ts'
import { Child, nodeCommand } from '../../../src/process/child-process.ts'
import type { EngineCounters, FromFleet, PrefillUrl, ToFleet } from './messages.ts'
import type { FleetPlan } from './plan.ts'

const MAIN = join(import.meta.dirname, 'main.ts')

export class FleetProcess {
  readonly prefill: readonly PrefillUrl[]
  readonly decode: readonly string[]
  readonly #child: Child

  private constructor(child: Child, urls: Extract<FromFleet, { kind: 'urls' }>) {
    this.#child = child
    this.prefill = urls.prefill
    this.decode = urls.decode
  }

  /** @throws Error when the plan names an unknown knob, or the process ends. */
  static async start(plan: FleetPlan): Promise<FleetProcess> {
    const child = Child.start({ ...nodeCommand(MAIN), stdout: 'inherit', channel: true })
    const response = await ask(child, { kind: 'open', plan })
    if (response.kind === 'urls') return new FleetProcess(child, response)
    await child.stop()
    throw new Error(response.kind === 'refused' ? response.message : `unexpected message ${response.kind}`)
  }

  async counters(): Promise<readonly EngineCounters[]> {
    const response = await ask(this.#child, { kind: 'counters' })
    return response.kind === 'counters' ? response.engines : []
  }

  /** Starts the replay of the plan's fault script; without a script it does nothing. */
  startFaults(): void {
    this.#send({ kind: 'start-faults' })
  }

  stopFaults(): void {
    this.#send({ kind: 'stop-faults' })
  }

  async close(): Promise<void> {
    await this.#child.stop()
  }

  #send(message: ToFleet): void {
    this.#child.send(message)
  }
}

/** One question at a time: the response is the next message. @throws Error when the process ends first. */
async function ask(child: Child, question: ToFleet): Promise<FromFleet> {
  try {
    return await child.firstMessage((message: FromFleet) => message, question)
  } catch (error) {
    throw new Error(`The process of the simulated engines ended: ${messageOf(error)}`, { cause: error })
  }
}
