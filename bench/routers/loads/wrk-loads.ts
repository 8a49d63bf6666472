/** The requests that wrk sends, and the goals of the speed bench. Pure. */
import type { SpeedLoadName } from './names.ts'

export interface WrkShape {
  readonly name: string
  /** Size of the request body. */
  readonly bodyBytes: number
  readonly connections: number
  /** Pause between two events of a stream; undefined: the response is not a stream. */
  readonly chunkIntervalMs?: number
  /** Goal of the speed bench: the most CPU time of the gateway as a multiple of haproxy's (`costs/ratio.ts`). */
  readonly goal?: number
}

/** Events in one stream, not counting `[DONE]`. */
export const CHUNKS_PER_STREAM = 101

export const WRK_SHAPES: Readonly<Record<SpeedLoadName, WrkShape>> = {
  small: { name: 'small', bodyBytes: 512, connections: 64, goal: 2.4 },
  k32: { name: 'k32', bodyBytes: 32 * 1024, connections: 64 },
  'chunk-2ms': { name: 'chunk-2ms', bodyBytes: 512, connections: 200, chunkIntervalMs: 2, goal: 3 },
  'chunk-20ms': { name: 'chunk-20ms', bodyBytes: 512, connections: 200, chunkIntervalMs: 20, goal: 3 },
  c1000: { name: 'c1000', bodyBytes: 512, connections: 1000 },
}

export function isStream(shape: WrkShape): boolean {
  return shape.chunkIntervalMs !== undefined
}

/** Streams per connection and round: wrk cuts off the last one, which must not weigh on the cost of a chunk. */
const STREAMS_PER_ROUND = 4

/** Length of a round in seconds: long enough for several whole streams, or no response of the round would be checked. */
export function roundSeconds(shape: WrkShape, wantedSeconds: number): number {
  const streamMs = (shape.chunkIntervalMs ?? 0) * CHUNKS_PER_STREAM
  return Math.max(wantedSeconds, Math.ceil((STREAMS_PER_ROUND * streamMs) / 1000 + 0.5))
}

/** A body for `/generate` of exactly `bodyBytes`. */
export function bodyOf(shape: WrkShape): string {
  const withText = (text: string) =>
    JSON.stringify({ text, sampling_params: { max_new_tokens: 101 }, stream: isStream(shape) })
  return withText('a'.repeat(shape.bodyBytes - withText('').length))
}
