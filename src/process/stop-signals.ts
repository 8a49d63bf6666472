/** Waits for the signal that ends a server; a second one ends the process at once. */

/** Where signals come from and how the process ends: `process`, or a stand-in of a test. */
export interface SignalDependencies {
  readonly signals: {
    on(signal: StopSignal, listener: () => void): unknown
    off(signal: StopSignal, listener: () => void): unknown
  }
  readonly exit: (code: number) => void
}

/** A terminal's Ctrl-C reaches a process more than once when npm or our own launcher passes it on: that is one wish. */
const SAME_WISH_MS = 500
const EXIT_AT_ONCE = 130

type StopSignal = 'SIGTERM' | 'SIGINT'

/** Resolves with the first SIGTERM or SIGINT. `undo` once everything is closed. */
export function untilStopped(deps: SignalDependencies): {
  readonly stopped: Promise<StopSignal>
  readonly undo: () => void
} {
  const { promise, resolve } = Promise.withResolvers<StopSignal>()
  let firstMs: number | undefined
  const onSignal = (signal: StopSignal): void => {
    const nowMs = performance.now()
    firstMs ??= nowMs
    resolve(signal)
    if (nowMs - firstMs > SAME_WISH_MS) deps.exit(EXIT_AT_ONCE)
  }
  const onTerm = (): void => onSignal('SIGTERM')
  const onInterrupt = (): void => onSignal('SIGINT')
  deps.signals.on('SIGTERM', onTerm)
  deps.signals.on('SIGINT', onInterrupt)
  const undo = (): void => {
    deps.signals.off('SIGTERM', onTerm)
    deps.signals.off('SIGINT', onInterrupt)
  }
  return { stopped: promise, undo }
}
