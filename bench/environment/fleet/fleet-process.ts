/** The simulated engines of a scenario in a process of their own, as the scenario sees them. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { EngineCounters, FromFleet, PrefillUrl, ToFleet } from './messages.ts'
import type { FleetPlan } from './plan.ts'

const MAIN = join(import.meta.dirname, 'main.ts')

export class FleetProcess {
  readonly prefill: readonly PrefillUrl[]
  readonly decode: readonly string[]
  readonly #child: ChildProcess

  constructor(child: ChildProcess, urls: Extract<FromFleet, { kind: 'urls' }>) {
    this.#child = child
    this.prefill = urls.prefill
    this.decode = urls.decode
  }

  /** @throws Error when the plan names a knob that there is not. */
  static async start(plan: FleetPlan): Promise<FleetProcess> {
    const child = fork(MAIN, [])
    const answer = await asked(child, { kind: 'open', plan })
    if (answer.kind === 'urls') return new FleetProcess(child, answer)
    child.kill('SIGKILL')
    throw new Error(answer.kind === 'refused' ? answer.message : `the fleet answered with ${answer.kind}`)
  }

  async counters(): Promise<readonly EngineCounters[]> {
    const answer = await asked(this.#child, { kind: 'counters' })
    return answer.kind === 'counters' ? answer.engines : []
  }

  beginTrouble(): void {
    tell(this.#child, { kind: 'trouble' })
  }

  endTrouble(): void {
    tell(this.#child, { kind: 'calm' })
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }
}

/** One question at a time. @throws Error when the process ends instead. */
async function asked(child: ChildProcess, question: ToFleet): Promise<FromFleet> {
  const { promise, resolve, reject } = Promise.withResolvers<FromFleet>()
  const onExit = () => reject(new Error('the process of the simulated engines has ended'))
  child.once('exit', onExit)
  child.once('message', (message: FromFleet) => resolve(message))
  tell(child, question)
  try {
    return await promise
  } finally {
    child.off('exit', onExit)
  }
}

function tell(child: ChildProcess, message: ToFleet): void {
  child.send(message)
}
