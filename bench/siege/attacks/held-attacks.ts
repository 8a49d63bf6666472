/** Attacks that hold connections: idle ones, heads and bodies that trickle in, streams that nobody reads. */
import { type Attack, type AttackPlan, HOST, headOf, postOf, SOURCES } from './attack.ts'
import { HeldConnections } from './held-connections.ts'
import { newTally } from './tally.ts'

/** Idle connections, as a multiple of the gateway's descriptors. */
export const IDLE_PER_DESCRIPTOR = 2
const TRICKLE_MS = 500
const CHUNKED = ['content-type: application/json', 'transfer-encoding: chunked']
const LARGE = ['content-type: application/json', 'content-length: 1000000']

/** Connections that send nothing, more than the gateway has descriptors. */
export function holdIdle({ port, descriptorLimit }: AttackPlan): Attack {
  const tally = newTally()
  const held = new HeldConnections({
    target: { host: HOST, port },
    count: IDLE_PER_DESCRIPTOR * descriptorLimit,
    openPerSecond: 400,
    sources: SOURCES,
    tally,
    onOpen: () => undefined,
  })
  return { tally, close: () => held.close() }
}

/** Heads that never end, and heads of chunked requests that no chunk follows. */
export function trickleHeads({ port }: AttackPlan): Attack {
  const start = 'POST /v1/completions HTTP/1.1\r\nhost: gateway\r\nx-slow: '
  return trickle(port, 150, index => (index % 3 === 0 ? headOf('POST', '/v1/completions', CHUNKED) : start))
}

/**
 * Bodies that arrive byte by byte, more than the gateway has connections for: of generation requests, with a length and in
 * chunks, and of requests that are refused at once.
 */
export function trickleBodies({ port, descriptorLimit }: AttackPlan): Attack {
  const starts = [
    `${headOf('POST', '/v1/completions', LARGE)}{`,
    `${headOf('POST', '/generate', CHUNKED)}fffff\r\n{`,
    headOf('POST', '/nothing', LARGE),
  ]
  return trickle(port, descriptorLimit, index => starts[index % starts.length] ?? '')
}

function trickle(port: number, count: number, startOf: (index: number) => string): Attack {
  const tally = newTally()
  const held = new HeldConnections({
    target: { host: HOST, port },
    count,
    openPerSecond: 150,
    sources: SOURCES,
    tally,
    onOpen: (socket, index) => void socket.write(startOf(index)),
  })
  const timer = setInterval(() => {
    // Spaces are valid in a header's value and around JSON, but chunked heads are left waiting for their first chunk.
    for (const socket of held.sockets) if (!isWaiting(socket.bytesWritten)) socket.write(' ')
  }, TRICKLE_MS)
  const close = (): void => {
    clearInterval(timer)
    held.close()
  }
  return { tally, close }
}

const CHUNKED_HEAD_BYTES = headOf('POST', '/v1/completions', CHUNKED).length

function isWaiting(bytesWritten: number): boolean {
  return bytesWritten === 0 || bytesWritten === CHUNKED_HEAD_BYTES
}

/** Long streams whose clients stop reading. */
export function stopReading({ port }: AttackPlan): Attack {
  const tally = newTally()
  const body = { model: 'sim', prompt: 'Once', max_tokens: 3000, stream: true, ignore_eos: true }
  const held = new HeldConnections({
    target: { host: HOST, port },
    count: 20,
    openPerSecond: 5,
    sources: SOURCES,
    tally,
    onOpen: socket => {
      socket.write(postOf('/v1/completions', body))
      socket.pause()
    },
  })
  return { tally, close: () => held.close() }
}
