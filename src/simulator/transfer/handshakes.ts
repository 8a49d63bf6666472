/**
 * What a decode engine knows of bootstrap servers: reached once, then remembered and watched by heartbeat.
 *
 * A try at a host where nothing listens blocks the whole engine loop, which is what a real one does.
 */
import type { TimerHandle } from '../clock/clock.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { Fabric } from './fabric.ts'

interface Hooks {
  /** Both are told of all requests that wait for the address. */
  connected(address: string): void
  unreachable(address: string): void
  /** A server that was reached is gone: all requests that depend on it. */
  lost(address: string): void
  /** The loop hangs for this long. */
  stalled(ms: number): void
  /** Nobody depends on any server: no need to watch. */
  isIdle(): boolean
}

interface Peer {
  isConnected: boolean
  attempts: number
  misses: number
  timer: TimerHandle | undefined
}

export class Handshakes {
  readonly #host: SchedulerHost
  readonly #fabric: Fabric
  readonly #hooks: Hooks
  readonly #peers = new Map<string, Peer>()
  #heartbeat: TimerHandle | undefined

  constructor(host: SchedulerHost, fabric: Fabric, hooks: Hooks) {
    this.#host = host
    this.#fabric = fabric
    this.#hooks = hooks
  }

  /** True when the address is known already; else one of the hooks tells the outcome. */
  connect(address: string): boolean {
    this.#watch()
    const known = this.#peers.get(address)
    if (known !== undefined) return known.isConnected
    const peer: Peer = { isConnected: false, attempts: 0, misses: 0, timer: undefined }
    this.#peers.set(address, peer)
    return this.#attempt(address, peer)
  }

  reset(): void {
    const { clock } = this.#host
    clock.clearTimeout(this.#heartbeat)
    this.#heartbeat = undefined
    for (const peer of this.#peers.values()) clock.clearTimeout(peer.timer)
    this.#peers.clear()
  }

  #attempt(address: string, peer: Peer): boolean {
    const { knobs, clock } = this.#host
    const server = this.#fabric.prefillAt(address)
    if (server?.isRegistered === true) {
      peer.isConnected = true
      return true
    }
    const stallMs = server === undefined ? knobs.unreachableStallMs : 0
    if (stallMs > 0) this.#hooks.stalled(stallMs)
    peer.attempts++
    peer.timer = clock.setTimeout(
      () => this.#tryAgain(address, peer),
      Math.max(stallMs, knobs.handshakeRetryMs),
    )
    return false
  }

  #tryAgain(address: string, peer: Peer): void {
    if (peer.attempts >= this.#host.knobs.handshakeAttempts) {
      this.#peers.delete(address)
      this.#hooks.unreachable(address)
    } else if (this.#attempt(address, peer)) {
      this.#hooks.connected(address)
    }
  }

  #watch(): void {
    const { knobs, clock } = this.#host
    this.#heartbeat ??= clock.setTimeout(() => {
      this.#heartbeat = undefined
      this.#checkHeartbeats()
    }, knobs.heartbeatMs)
  }

  #checkHeartbeats(): void {
    for (const [address, peer] of this.#peers) {
      if (!peer.isConnected) continue
      const registered = this.#fabric.prefillAt(address)?.isRegistered === true
      peer.misses = registered ? 0 : peer.misses + 1
      if (peer.misses < this.#host.knobs.heartbeatMaxFail) continue
      this.#peers.delete(address)
      this.#hooks.lost(address)
    }
    if (!this.#hooks.isIdle()) this.#watch()
  }
}
