/** Waits for the signal that ends a server; a second one ends the process at once. */
import type { CliParts } from './parts.ts'

/** A terminal's Ctrl-C reaches a process more than once when npm or our own launcher passes it on: that is one wish. */
const SAME_WISH_MS = 500
const EXIT_AT_ONCE = 130

type StopSignal = 'SIGTERM' | 'SIGINT'

/** Resolves with the first SIGTERM or SIGINT. `undo` once everything is closed. */
export function untilStopped(parts: Pick<CliParts, 'signals' | 'exit'>): {
  readonly stopped: Promise<StopSignal>
  readonly undo: () => void
} {
  const { promise, resolve } = Promise.withResolvers<StopSignal>()
  let firstMs: number | undefined
  const onSignal = (signal: StopSignal): void => {
    const nowMs = performance.now()
    firstMs ??= nowMs
    resolve(signal)
    if (nowMs - firstMs > SAME_WISH_MS) parts.exit(EXIT_AT_ONCE)
  }
  const onTerm = (): void => onSignal('SIGTERM')
  const onInterrupt = (): void => onSignal('SIGINT')
  parts.signals.on('SIGTERM', onTerm)
  parts.signals.on('SIGINT', onInterrupt)
  const undo = (): void => {
    parts.signals.off('SIGTERM', onTerm)
    parts.signals.off('SIGINT', onInterrupt)
  }
  return { stopped: promise, undo }
}
