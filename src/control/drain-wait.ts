/** Waits until nothing is in flight on an engine that is to be removed. */
import { setTimeout as wait } from 'node:timers/promises'

const POLL_INTERVAL_MS = 100

/**
 * Resolves when no request is in flight, after `limitMs`, or when the signal aborts. Waits before the first look, because
 * a router thread may have chosen the engine just before it started to drain.
 */
export async function untilIdle(
  inFlight: () => number,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const endMs = performance.now() + limitMs
  do {
    await wait(POLL_INTERVAL_MS, undefined, { signal }).catch(() => undefined)
  } while (!signal.aborted && inFlight() > 0 && performance.now() < endMs)
}
