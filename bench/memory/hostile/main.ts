/**
 * Entry of the hostile clients: `node main.ts PORT CLIENTS SECONDS`. Each repeats its attack until the time is over. Prints
 * one line of JSON at the end: how often each attack was answered with which status, or cut.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { ATTACKS, type Attack } from './attacks.ts'

const [port, clients, seconds] = process.argv.slice(2).map(Number)
const endMs = performance.now() + (seconds ?? 0) * 1000
const PIECE_BYTES = 65_536
const READ_PAUSE_MS = 100
/** Pause between two attacks of a client, so that refused ones do not become a flood of connections. */
const PAUSE_MS = 100

const outcomes: Record<string, Record<string, number>> = {}
await Promise.all(Array.from({ length: clients ?? 0 }, (_, index) => attackUntilTheEnd(index)))
process.stdout.write(`${JSON.stringify(outcomes)}\n`)
process.exit(0)

async function attackUntilTheEnd(index: number): Promise<void> {
  const attack = ATTACKS[index % ATTACKS.length]
  if (attack === undefined) return
  while (performance.now() < endMs) {
    const counts = (outcomes[attack.name] ??= {})
    const outcome = await attackOnce(attack)
    counts[outcome] = (counts[outcome] ?? 0) + 1
    await delay(PAUSE_MS)
  }
}

/** Resolves with the status of the answer, or `cut` if there was none, once the connection is closed or the time is over. */
function attackOnce(attack: Attack): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port ?? 0, '127.0.0.1')
    let outcome = 'cut'
    let isOver = false
    const end = (): void => {
      isOver = true
      socket.destroy()
    }
    const timer = setTimeout(end, Math.max(1, endMs - performance.now()))
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      if (outcome === 'cut') outcome = bytes.toString('latin1', 9, 12)
      if (attack.readBytes !== undefined) slowDown(socket, attack.readBytes)
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(isOver && outcome === 'cut' ? 'unfinished' : outcome)
    })
    socket.on('connect', () => void send(socket, attack))
  })
}

/** What the kernel has buffered comes in pieces of 64 KiB: one of them, then a pause. */
function slowDown(socket: Socket, readBytes: number): void {
  socket.pause()
  setTimeout(() => socket.resume(), (READ_PAUSE_MS * PIECE_BYTES) / readBytes)
}

async function send(socket: Socket, { path, start, filler, end, bytes, isChunked }: Attack): Promise<void> {
  const count = filler === '' ? 0 : Math.floor((bytes - start.length - end.length) / filler.length)
  const total = start.length + count * filler.length + end.length
  const framing = isChunked === true ? 'transfer-encoding: chunked' : `content-length: ${total}`
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnection: close\r\n${framing}\r\n\r\n`,
  )
  const perPiece = Math.max(1, Math.floor(PIECE_BYTES / Math.max(1, filler.length)))
  const piece = Buffer.from(filler.repeat(perPiece))
  await write(socket, Buffer.from(start), isChunked)
  for (let left = count; left > 0 && !socket.destroyed; left -= perPiece)
    await write(socket, left >= perPiece ? piece : Buffer.from(filler.repeat(left)), isChunked)
  await write(socket, Buffer.from(end), isChunked)
  if (isChunked === true) socket.write('0\r\n\r\n')
}

async function write(socket: Socket, bytes: Buffer, isChunked = false): Promise<void> {
  if (socket.destroyed) return
  if (isChunked) socket.write(`${bytes.length.toString(16)}\r\n`)
  const isFree = socket.write(bytes)
  if (isChunked) socket.write('\r\n')
  if (isFree) return
  await new Promise<void>(resolve => {
    const goOn = (): void => {
      socket.off('drain', goOn).off('close', goOn)
      resolve()
    }
    socket.on('drain', goOn).on('close', goOn)
  })
}
