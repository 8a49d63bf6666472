/** Keeps a number of connections open: those that are closed are opened again, at a bounded rate. */
import { connect, type Socket } from 'node:net'
import { countStatuses, type Tally } from './tally.ts'

interface Target {
  readonly host: string
  readonly port: number
}

export interface HeldConnectionsOptions {
  readonly target: Target
  readonly count: number
  readonly openPerSecond: number
  /** Local addresses, used in rotation. */
  readonly sources: readonly string[]
  readonly tally: Tally
  /** Called when a connection is open; `index` counts them. */
  readonly onOpen: (socket: Socket, index: number) => void
}

const TICK_MS = 50

export class HeldConnections {
  readonly #options: HeldConnectionsOptions
  readonly #open = new Set<Socket>()
  readonly #timer: NodeJS.Timeout
  #attempts = 0
  #credit = 0

  constructor(options: HeldConnectionsOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#fill(), TICK_MS)
  }

  get sockets(): ReadonlySet<Socket> {
    return this.#open
  }

  close(): void {
    clearInterval(this.#timer)
    for (const socket of this.#open) socket.destroy()
  }

  #fill(): void {
    const { count, openPerSecond } = this.#options
    this.#credit = Math.min(openPerSecond, this.#credit + (openPerSecond * TICK_MS) / 1000)
    while (this.#credit >= 1 && this.#open.size < count) {
      this.#credit--
      this.#dial()
    }
  }

  #dial(): void {
    const { target, sources, tally, onOpen } = this.#options
    const index = this.#attempts++
    const localAddress = sources[index % sources.length] ?? '127.0.0.1'
    const socket = connect({ ...target, localAddress })
    let isOpen = false
    this.#open.add(socket)
    socket.on('connect', () => {
      isOpen = true
      tally.opened++
      tally.peakOpen = Math.max(tally.peakOpen, this.#open.size)
      onOpen(socket, index)
    })
    socket.on('data', (part: Buffer) => countStatuses(tally, part.toString('latin1')))
    // The end of a connection is what is counted, for whatever reason.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#open.delete(socket)
      if (isOpen) tally.closed++
      else tally.notOpened++
    })
  }
}
