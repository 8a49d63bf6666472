/**
 * Sends KV caches from a prefill engine to decode engines, and fails as often as the knobs say.
 *
 * A pair that failed may stay broken; everything else about a room is the scheduler's.
 */

import { sendFailed, sessionDead } from '../sequence/pd-errors.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { DecodePort, Fabric } from './fabric.ts'
import { TransferLanes } from './transfer-lanes.ts'

export interface Shipment {
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

  send(shipment: Shipment): void {
    const { decode, room, tokens } = shipment
    const link = this.#fabric.link(this.#host.name, decode.name)
    if (link.brokenUntilMs > this.#host.clock.now()) return shipment.done(sessionDead(decode.name))
    if (!decode.isAlive) return shipment.done(sendFailed(room, decode.name))
    const willFail = this.#drawsFailure()
    this.#lanes.start(tokens, () => {
      if (!shipment.isWanted()) return
      if (willFail) this.#mayBreak(link)
      shipment.done(willFail || !decode.isAlive ? sendFailed(room, decode.name) : undefined)
    })
  }

  reset(): void {
    this.#lanes.reset()
  }

  #mayBreak(link: { brokenUntilMs: number }): void {
    const { knobs, chance, clock } = this.#host
    if (chance() < knobs.stickyProb) link.brokenUntilMs = clock.now() + knobs.stickyMs
  }

  #drawsFailure(): boolean {
    const { knobs, chance } = this.#host
    const overload = Math.max(0, (this.#lanes.active + 1) / knobs.transferWorkers - 1)
    const ceiling = Math.max(knobs.pBase, MAX_FAILURE_CHANCE)
    const ofTransfer = Math.min(knobs.pBase + knobs.pOver * overload, ceiling)
    // A transfer is polled when it starts and when it ends.
    const ofPolls = 1 - (1 - knobs.pollFailureProb) ** 2
    return (ofTransfer > 0 && chance() < ofTransfer) || (ofPolls > 0 && chance() < ofPolls)
  }
}
