/** The next attempt of a request in the capacity queue, with the room that it may have reserved there. */
import {
  type CapacityQueue,
  type PairLeases,
  type PairReservation,
  releaseLeases,
} from '../selection/capacity-queue.ts'
import type { Pair, PairSelector } from '../selection/pair-selector.ts'
import type { LineKey, Waiter } from '../selection/waiting-lines.ts'
import type { EngineRequest } from './engine-request.ts'
import { type AttemptNeeds, type PrepareDependencies, reserveRoom } from './prepare-attempt.ts'

export interface RoomWaitDependencies extends PrepareDependencies {
  readonly pairSelector: PrepareDependencies['pairSelector'] &
    Pick<PairSelector, 'isHealthy' | 'queueKeyOf' | 'servedBy'>
  readonly capacityQueue: PrepareDependencies['capacityQueue'] & Pick<CapacityQueue, 'wait' | 'leave'>
}

export class RoomWait implements Waiter {
  readonly owner: number
  readonly isSample: boolean
  readonly tryStart: () => boolean
  readonly #request: EngineRequest
  readonly #dependencies: RoomWaitDependencies
  #needs: AttemptNeeds | undefined
  #lineKey: LineKey | undefined
  /** Belongs to the attempt once that has started. */
  reservation: PairReservation | undefined

  /** `tryStart` is called by the queue until it returns true. */
  constructor(request: EngineRequest, dependencies: RoomWaitDependencies, tryStart: () => boolean) {
    this.owner = request.id
    this.isSample = request.edits.length > 0
    this.tryStart = tryStart
    this.#request = request
    this.#dependencies = dependencies
  }

  get isWaiting(): boolean {
    return this.#lineKey !== undefined
  }

  enter(lineKey: LineKey, needs: AttemptNeeds): void {
    this.#lineKey = lineKey
    this.#needs = needs
    this.#dependencies.capacityQueue.wait(lineKey, this)
  }

  /** The queue has let the attempt go. */
  ended(): void {
    this.#lineKey = undefined
  }

  /** The attempt starts with these leases: those of the reservation, or others. */
  used(leases: PairLeases): void {
    if (this.reservation?.leases !== leases) return this.#drop()
    leases.prefill?.endReservation()
    leases.decode.endReservation()
    this.reservation = undefined
  }

  leave(): void {
    if (this.#lineKey !== undefined) this.#dependencies.capacityQueue.leave(this.#lineKey, this)
    this.#lineKey = undefined
    this.#drop()
  }

  /** Called by the queue when others have overtaken the attempt too often. */
  reserve(): void {
    if (this.#needs === undefined) return
    const pair = this.reservation?.pair
    if (pair !== undefined && this.#isHealthy(pair)) return
    this.#drop()
    this.reservation = reserveRoom(this.#request, this.#needs, this.#dependencies)
  }

  #drop(): void {
    if (this.reservation !== undefined) releaseLeases(this.reservation.leases)
    this.reservation = undefined
  }

  #isHealthy({ prefill, decode }: Pair): boolean {
    const { pairSelector } = this.#dependencies
    return pairSelector.isHealthy(decode) && (prefill === undefined || pairSelector.isHealthy(prefill))
  }
}

/**
 * An attempt that avoids engines may start where others cannot, and the reverse: only those that avoid the same queue up.
 * The same goes for one that only some engines serve, or that pins a rank that only some have.
 */
export function lineOf(
  { fields, serves, pins }: EngineRequest,
  { avoidedSlots }: AttemptNeeds,
  pairSelector: Pick<PairSelector, 'queueKeyOf' | 'servedBy'>,
): LineKey {
  const model = pairSelector.queueKeyOf(fields.model)
  const isChoosy = serves !== undefined || pins !== undefined
  const servedBy = isChoosy ? pairSelector.servedBy({ model: model || undefined, serves }, pins) : ''
  let engines = servedBy === '' ? model : `${model} on ${servedBy}`
  if (avoidedSlots.size > 0) engines += ` avoiding ${[...avoidedSlots].toSorted((a, b) => a - b).join()}`
  return { model, engines }
}
