/** Waits for the signal that ends a server; a second one ends the process at once. */
import type { CliParts } from './parts.ts'

/** A terminal's Ctrl-C reaches a process more than once when npm or our own launcher passes it on: that is one wish. */
const SAME_WISH_MS = 500
const EXIT_AT_ONCE = 130

/** Resolves at the first SIGTERM or SIGINT. `undo` once everything is closed. */
export function untilStopped(parts: Pick<CliParts, 'signals' | 'exit'>): {
  readonly stopped: Promise<void>
  readonly undo: () => void
} {
  const { promise, resolve } = Promise.withResolvers<void>()
  let firstMs: number | undefined
  const onSignal = (): void => {
    const nowMs = performance.now()
    firstMs ??= nowMs
    resolve()
    if (nowMs - firstMs > SAME_WISH_MS) parts.exit(EXIT_AT_ONCE)
  }
  parts.signals.on('SIGTERM', onSignal)
  parts.signals.on('SIGINT', onSignal)
  const undo = (): void => {
    parts.signals.off('SIGTERM', onSignal)
    parts.signals.off('SIGINT', onSignal)
  }
  return { stopped: promise, undo }
}
