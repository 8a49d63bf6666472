/**
 * Sends KV caches from a prefill engine to decode engines, with the failures that the knobs ask for.
 *
 * A failure may break the pair for a while. Rooms are up to the scheduler.
 */

import { sendFailed, sessionDead } from '../sequence/pd-errors.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { DecodePort, Fabric } from './fabric.ts'
import { TransferLanes } from './transfer-lanes.ts'

export interface KvTransfer {
  readonly decode: DecodePort
  readonly room: number
  readonly tokens: number
  /** Called once: with the reason if the transfer failed, with undefined if it succeeded. */
  readonly done: (failure: string | undefined) => void
  /** Whether a request still waits for the transfer. If not, `done` is not called and the pair is not broken. */
  readonly isWanted: () => boolean
}

const MAX_FAILURE_PROBABILITY = 0.2

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
    if (!decode.alive) return transfer.done(sendFailed(room, decode.name))
    const willFail = this.#drawsFailure()
    this.#lanes.start(tokens, () => {
      if (!transfer.isWanted()) return
      if (willFail) this.#breakAtRandom(link)
      transfer.done(willFail || !decode.alive ? sendFailed(room, decode.name) : undefined)
    })
  }

  reset(): void {
    this.#lanes.reset()
  }

  #breakAtRandom(link: { brokenUntilMs: number }): void {
    const { knobs, random, clock } = this.#host
    if (random() < knobs.stickyProb) link.brokenUntilMs = clock.now() + knobs.stickyMs
  }

  #drawsFailure(): boolean {
    const { knobs, random } = this.#host
    const overload = Math.max(0, (this.#lanes.active + 1) / knobs.transferWorkers - 1)
    const ceiling = Math.max(knobs.pBase, MAX_FAILURE_PROBABILITY)
    const transferProbability = Math.min(knobs.pBase + knobs.pOver * overload, ceiling)
    // A transfer is polled twice: when it starts and when it ends.
    const pollProbability = 1 - (1 - knobs.pollFailureProb) ** 2
    return (
      (transferProbability > 0 && random() < transferProbability) ||
      (pollProbability > 0 && random() < pollProbability)
    )
  }
}
