/** Waits for a state of real programs, which may take minutes on a busy machine. */
import { setTimeout as delay } from 'node:timers/promises'

const POLL_INTERVAL_MS = 200

/** Whether the condition became true within the limit. @throws when `signal` is aborted. */
export async function becomesTrue(
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const giveUpMs = performance.now() + limitMs
  for (;;) {
    signal.throwIfAborted()
    if (await condition()) return true
    if (performance.now() > giveUpMs) return false
    await delay(POLL_INTERVAL_MS)
  }
}
