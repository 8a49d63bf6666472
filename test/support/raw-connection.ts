/** A client's connection as bytes: what is written, what has come back, and whether it is still open. */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { until } from './until.ts'

export interface RawConnection {
  write(text: string): void
  /** Stops and goes on reading. */
  pause(): void
  resume(): void
  /** Ends it at once, as the client. */
  close(): void
  /** Everything received so far. */
  received(): string
  isClosed(): boolean
  /** Resolves when this has been received. */
  untilReceived(text: string | RegExp): Promise<void>
  untilClosed(): Promise<void>
}

/** Resolves once connected. Closed when the test ends. */
export async function openRaw(t: TestContext, origin: string): Promise<RawConnection> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  t.after(() => socket.destroy())
  let received = ''
  let isClosed = false
  socket.setEncoding('latin1').on('data', piece => {
    received += String(piece)
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
  })
  await once(socket, 'connect')
  return {
    write: text => void socket.write(text, 'latin1'),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => void socket.destroy(),
    received: () => received,
    isClosed: () => isClosed,
    untilReceived: text =>
      until(
        () => (typeof text === 'string' ? received.includes(text) : text.test(received)),
        `receive ${String(text)}`,
      ),
    untilClosed: () => until(() => isClosed, 'the connection is closed'),
  }
}
