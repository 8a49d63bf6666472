/**
 * A router thread without engines, for tests of the front end. The query of a request selects the response.
 *
 *   (none)            the request as JSON                  bytes=N      N bytes
 *   stream=N&size=B   N chunks of B bytes, by credit       hang         head and one chunk, then nothing
 *   silent            nothing at all                       die          the thread exits
 *   once              nothing; as (none) when another thread opens the request again
 *   block             the thread blocks; as (none) when another thread opens the request again
 *   aborts            number of aborts received            sent         number of bytes streamed
 *   generation        generation of the current engine snapshot
 *
 * Memory shared by all threads records which requests were opened before. The age of a request does not show that,
 * because on a busy machine a new request may have waited, too.
 */
import { type MessagePort, threadId } from 'node:worker_threads'
import { BatchSender } from '../../src/messages/channel.ts'
import { type Batch, decodeBatch, isBatch } from '../../src/messages/codec.ts'
import { CreditBalance } from '../../src/messages/credit.ts'
import type { RouterThreadTask, ThreadOrder, ThreadReport } from '../../src/messages/thread.ts'
import type { OpenMessage } from '../../src/messages/types.ts'
import { beatEveryMs, Heartbeats } from '../../src/shared/heartbeats.ts'

const JSON_HEADERS = ['content-type', 'application/json', 'connection', 'keep-alive', 'x-engine', 'echo']
const SSE_HEADERS = ['content-type', 'text/event-stream']
/** Limit of exchanges open at once in a test. */
const OPENINGS = 4096

/** Memory that echo threads share in addition to the gateway's own. */
export interface EchoMemory {
  /** For each index in an exchange id: the id that was opened last, plus 1. The last cell counts all openings. */
  readonly openings: SharedArrayBuffer
}

export function createEchoMemory(): EchoMemory {
  return { openings: new SharedArrayBuffer((OPENINGS + 1) * Uint32Array.BYTES_PER_ELEMENT) }
}

/** Number of `open` rows received by threads. A row sent to a thread that is then terminated may never be received. */
export function openingsSeen({ openings }: EchoMemory): number {
  return Atomics.load(new Uint32Array(openings), OPENINGS)
}

interface Stream {
  readonly credit: CreditBalance
  chunksLeft: number
  readonly chunk: Uint8Array
}

type EchoTask = RouterThreadTask & { readonly shared: EchoMemory }

// oxlint-disable-next-line import/no-default-export -- Piscina calls the default export
export default async function runEchoRouter(task: EchoTask): Promise<void> {
  const { port, shared, thread, config } = task
  const router = new EchoRouter(port, shared)
  const ended = Promise.withResolvers<void>()
  port.on('message', (message: unknown) => {
    if (isBatch(message)) router.receive(message)
    else if (isOrder(message)) {
      if (message.kind === 'close') ended.resolve()
      else if (message.kind === 'snapshot') router.generation = message.snapshot.generation
    }
  })
  const heartbeats = new Heartbeats(shared)
  const beat = setInterval(() => heartbeats.beat(thread), beatEveryMs(config.server.threadStallMs))
  const report: ThreadReport = { kind: 'ready', threadId }
  port.postMessage(report)
  await ended.promise
  clearInterval(beat)
  port.close()
}

class EchoRouter {
  readonly #sender: BatchSender
  readonly #openings: Uint32Array
  readonly #streams = new Map<number, Stream>()
  generation = -1
  #aborts = 0
  #sentBytes = 0

  constructor(port: MessagePort, { openings }: EchoMemory) {
    this.#sender = new BatchSender(port)
    this.#openings = new Uint32Array(openings)
  }

  receive(batch: Batch): void {
    decodeBatch(batch, {
      onOpen: message => this.#open(message),
      onAbort: id => {
        this.#aborts++
        this.#streams.delete(id)
      },
      onCredit: (id, bytes) => {
        this.#streams.get(id)?.credit.grant(bytes)
        this.#pump(id)
      },
    })
  }

  #open(message: OpenMessage): void {
    const { id } = message
    const query = new URLSearchParams(message.query)
    const isFirst = this.#isFirstOpening(id)
    if (query.has('die')) process.exit(1)
    // oxlint-disable-next-line no-empty -- blocks on purpose
    if (query.has('block') && isFirst) for (;;) {}
    if (query.has('silent') || (query.has('once') && isFirst)) return
    if (query.has('hang')) {
      this.#sender.head(id, 200, SSE_HEADERS)
      this.#sender.chunk(id, Buffer.from('data: {"n":1}\n\n'))
    } else if (query.has('stream')) {
      this.#stream(message, Number(query.get('stream')), Number(query.get('size')))
    } else {
      this.#sender.response(id, { status: 200, headers: JSON_HEADERS, body: this.#answer(message, query) })
    }
  }

  #isFirstOpening(id: number): boolean {
    Atomics.add(this.#openings, OPENINGS, 1)
    return Atomics.exchange(this.#openings, id % OPENINGS, id + 1) !== id + 1
  }

  #answer(message: OpenMessage, query: URLSearchParams): Uint8Array {
    if (query.has('bytes')) return Buffer.alloc(Number(query.get('bytes')), 'x')
    if (query.has('aborts')) return Buffer.from(JSON.stringify(this.#aborts))
    if (query.has('generation')) return Buffer.from(JSON.stringify(this.generation))
    if (query.has('sent')) return Buffer.from(JSON.stringify(this.#sentBytes))
    return Buffer.from(JSON.stringify({ ...message, body: Buffer.from(message.body).toString() }))
  }

  #stream({ id, creditBytes }: OpenMessage, chunks: number, size: number): void {
    const credit = new CreditBalance(creditBytes)
    this.#streams.set(id, { credit, chunksLeft: chunks, chunk: Buffer.alloc(size, 'c') })
    this.#sender.head(id, 200, SSE_HEADERS)
    this.#pump(id)
  }

  #pump(id: number): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    for (; stream.chunksLeft > 0 && !stream.credit.isSpent; stream.chunksLeft--) {
      stream.credit.spend(stream.chunk.length)
      this.#sentBytes += stream.chunk.length
      this.#sender.chunk(id, stream.chunk)
    }
    if (stream.chunksLeft > 0) return
    this.#streams.delete(id)
    this.#sender.end(id)
  }
}

function isOrder(message: unknown): message is ThreadOrder {
  return typeof message === 'object' && message !== null && 'kind' in message
}
