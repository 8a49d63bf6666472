/** Publishes KV events as engines do, over libzmq and in the form of vLLM 0.32, with a replay socket like theirs. */
import { Packr } from 'msgpackr'
import { Router, XPublisher } from 'zeromq'
import type { Owner } from './gateway.ts'
import { until } from './until.ts'

const packr = new Packr({ useRecords: false })
const END = Buffer.alloc(8, 0xff)

export interface KvPublisher {
  /** Addresses that a subscriber connects to. */
  readonly endpoint: string
  readonly replayEndpoint: string
  /** Number of times that it has been subscribed to. */
  readonly subscribers: () => number
  publish(...events: readonly object[]): Promise<void>
  /** Makes a batch that no subscriber gets. */
  lose(...events: readonly object[]): void
  /** Sends bytes as they are. */
  send(...frames: readonly Buffer[]): Promise<void>
  close(): void
}

/**
 * Closed when the test ends. `ports`: those of an earlier publisher, for one that takes its place. `mayEnd`: no replay
 * ends before.
 */
export async function openPublisher(
  t: Owner,
  ports?: Pick<KvPublisher, 'endpoint' | 'replayEndpoint'>,
  mayEnd: Promise<void> = Promise.resolve(),
): Promise<KvPublisher> {
  const live = new XPublisher({ linger: 0 })
  const replay = new Router({ linger: 0 })
  await bind(live, ports?.endpoint)
  await bind(replay, ports?.replayEndpoint)
  const kept: (readonly [number: Buffer, payload: Buffer])[] = []
  let subscribers = 0
  const close = (): void => {
    live.close()
    replay.close()
  }
  t.after(close)
  const keep = (events: readonly object[]): readonly [number: Buffer, payload: Buffer] => {
    const number = Buffer.alloc(8)
    number.writeBigUInt64BE(BigInt(kept.length))
    const batch = [number, Buffer.from(packr.pack([Date.now() / 1000, events, 0]))] as const
    kept.push(batch)
    return batch
  }
  void (async () => {
    for await (const [message] of live) if (message?.[0] === 1) subscribers++
  })()
  void (async () => {
    for await (const [client, , from] of replay) {
      if (client === undefined || from === undefined) continue
      const first = Number(from.readBigUInt64BE())
      for (const [number, payload] of kept.slice(first)) await replay.send([client, '', '', number, payload])
      await mayEnd
      await replay.send([client, '', '', END, ''])
    }
  })()
  return {
    endpoint: live.lastEndpoint ?? '',
    replayEndpoint: replay.lastEndpoint ?? '',
    subscribers: () => subscribers,
    publish: (...events) => live.send(['', ...keep(events)]),
    lose: (...events) => void keep(events),
    send: (...frames) => live.send([...frames]),
    close,
  }
}

/** libzmq closes sockets in the background, so the port of an earlier one may still be in use. */
async function bind(socket: XPublisher | Router, endpoint = 'tcp://127.0.0.1:*'): Promise<void> {
  await until(
    () =>
      socket.bind(endpoint).then(
        () => true,
        () => false,
      ),
    `${endpoint} is free`,
  )
}

export const BLOCK_SIZE = 4

/** The events that store a prompt: `hash` is that of its first block, and the others count on from there. */
export function stored(tokens: readonly number[], hash: number): object {
  const blocks = Math.floor(tokens.length / BLOCK_SIZE)
  return {
    type: 'BlockStored',
    block_hashes: Array.from({ length: blocks }, (_, block) => 2n ** 63n + BigInt(hash + block)),
    parent_block_hash: null,
    token_ids: tokens.slice(0, blocks * BLOCK_SIZE),
    block_size: BLOCK_SIZE,
    lora_id: null,
    medium: 'GPU',
    lora_name: null,
    group_idx: 0,
  }
}

export function removed(...hashes: readonly number[]): object {
  return {
    type: 'BlockRemoved',
    block_hashes: hashes.map(hash => 2n ** 63n + BigInt(hash)),
    medium: 'GPU',
    group_idx: 0,
  }
}

export const CLEARED = { type: 'AllBlocksCleared' }
