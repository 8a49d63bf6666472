/** What the speed bench sends, and which bar each ratio has to meet. */

export interface Scenario {
  readonly name: string
  /** Bytes of the request body. */
  readonly bodyBytes: number
  readonly connections: number
  /** Pause between two events of a stream, in milliseconds; `undefined` for a plain answer. */
  readonly chunkIntervalMs?: number
  /** The most that the gateway may cost, as the ratio of `ratio.ts`. */
  readonly bar?: number
}

/** Events of one stream, `[DONE]` not counted. */
export const CHUNKS_PER_STREAM = 101

export const SCENARIOS: readonly Scenario[] = [
  { name: 'small', bodyBytes: 512, connections: 64, bar: 2.4 },
  { name: 'k32', bodyBytes: 32 * 1024, connections: 64 },
  { name: 'chunk-2ms', bodyBytes: 512, connections: 200, chunkIntervalMs: 2, bar: 3 },
  { name: 'chunk-20ms', bodyBytes: 512, connections: 200, chunkIntervalMs: 20, bar: 3 },
  { name: 'c1000', bodyBytes: 512, connections: 1000 },
]

export function isStream(scenario: Scenario): boolean {
  return scenario.chunkIntervalMs !== undefined
}

/** Streams that one connection carries in a round: wrk cuts off its last, which must not weigh on the chunks' cost. */
const STREAMS_A_ROUND = 4

/** Length of a round, in seconds: at least a few whole streams and a bit, else no answer of a round would be checked. */
export function roundSeconds(scenario: Scenario, wantedSeconds: number): number {
  const streamMs = (scenario.chunkIntervalMs ?? 0) * CHUNKS_PER_STREAM
  return Math.max(wantedSeconds, Math.ceil((STREAMS_A_ROUND * streamMs) / 1000 + 0.5))
}

/** A body of `/generate` of exactly the scenario's size. */
export function bodyOf(scenario: Scenario): string {
  const withText = (text: string) =>
    JSON.stringify({ text, sampling_params: { max_new_tokens: 101 }, stream: isStream(scenario) })
  return withText('a'.repeat(scenario.bodyBytes - withText('').length))
}
