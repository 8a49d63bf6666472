/** Waits for the signal that stops a server; a second signal ends the process at once. */

/** Implemented by `process`, and by tests. */
export interface SignalDependencies {
  readonly signals: {
    on(signal: StopSignal, listener: () => void): unknown
    off(signal: StopSignal, listener: () => void): unknown
  }
  readonly exit: (code: number) => void
}

/** npm and our own launcher forward Ctrl-C, so a process can receive it several times: that counts as one signal. */
const SAME_SIGNAL_MS = 500
const EXIT_AT_ONCE = 130

type StopSignal = 'SIGTERM' | 'SIGINT'

/** `stopped` resolves with the first SIGTERM or SIGINT. Call `undo` once everything is closed. */
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
    if (nowMs - firstMs > SAME_SIGNAL_MS) deps.exit(EXIT_AT_ONCE)
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
