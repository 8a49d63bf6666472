/**
 * Sends KV caches from a prefill engine to decode engines, and fails as often as the knobs say.
 *
 * A pair that failed may stay broken; everything else about a room is the scheduler's.
 */

import { sendFailed, sessionDead } from '../sequence/pd-errors.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { DecodePort, Fabric } from './fabric.ts'
import { TransferLanes } from './transfer-lanes.ts'

export interface KvTransfer {
  readonly decode: DecodePort
  readonly room: number
  readonly tokens: number
  /** Called once; the reason why it failed, undefined when it is there. */
  readonly done: (failure: string | undefined) => void
  /** False once nobody waits for it: its end is not told then, and breaks no pair. */
  readonly isWanted: () => boolean
}

const MAX_FAILURE_CHANCE = 0.2

export class KvSender {
  readonly #host: SchedulerHost
  readonly #fabric: Fabric
  readonly #lanes: TransferLanes

  constructor(host: SchedulerHost, fabric: Fabric) {
    this.#host = host
    this.#fabric = fabric
    this.#lanes = new TransferLanes(host)
  }

  send(transfer: KvTransfer): void {
    const { decode, room, tokens } = transfer
    const link = this.#fabric.link(this.#host.name, decode.name)
    if (link.brokenUntilMs > this.#host.clock.now()) return transfer.done(sessionDead(decode.name))
    if (!decode.isAlive) return transfer.done(sendFailed(room, decode.name))
    const willFail = this.#drawsFailure()
    this.#lanes.start(tokens, () => {
      if (!transfer.isWanted()) return
      if (willFail) this.#mayBreak(link)
      transfer.done(willFail || !decode.isAlive ? sendFailed(room, decode.name) : undefined)
    })
  }

  reset(): void {
    this.#lanes.reset()
  }

  #mayBreak(link: { brokenUntilMs: number }): void {
    const { knobs, random, clock } = this.#host
    if (random() < knobs.stickyProb) link.brokenUntilMs = clock.now() + knobs.stickyMs
  }

  #drawsFailure(): boolean {
    const { knobs, random } = this.#host
    const overload = Math.max(0, (this.#lanes.active + 1) / knobs.transferWorkers - 1)
    const ceiling = Math.max(knobs.pBase, MAX_FAILURE_CHANCE)
    const transferProbability = Math.min(knobs.pBase + knobs.pOver * overload, ceiling)
    // A transfer is polled when it starts and when it ends.
    const pollProbability = 1 - (1 - knobs.pollFailureProb) ** 2
    return (
      (transferProbability > 0 && random() < transferProbability) ||
      (pollProbability > 0 && random() < pollProbability)
    )
  }
}
