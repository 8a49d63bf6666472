/**
 * Signals of a server. SIGTERM, SIGINT and SIGQUIT stop it, and a second one ends the process at once. SIGHUP means that
 * the log file was renamed, or that the terminal is gone. All others that would end the process have no effect.
 */

/** Implemented by `process`, and by tests. */
export interface SignalDependencies {
  readonly signals: {
    on(signal: NodeJS.Signals, listener: () => void): unknown
    off(signal: NodeJS.Signals, listener: () => void): unknown
  }
  readonly exit: (code: number) => void
}

/** npm and our own launcher forward Ctrl-C, so a process can receive it several times: that counts as one signal. */
const SAME_SIGNAL_MS = 500
const EXIT_AT_ONCE = 130

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const
type StopSignal = (typeof STOP_SIGNALS)[number] | 'SIGHUP'

/**
 * Signals without a meaning for a server, which would end the process, or (SIGUSR1) have Node open a port for a debugger.
 * SIGPIPE and SIGXFSZ report a write that fails anyway: to a reader that is gone, and beyond the size limit of files.
 */
const IGNORED_SIGNALS = ['SIGUSR1', 'SIGUSR2', 'SIGPIPE', 'SIGXFSZ', 'SIGALRM'] as const

/** `stopped` resolves with the first stop signal. Call `undo` once everything is closed. */
export function untilStopped(deps: SignalDependencies): {
  readonly stopped: Promise<StopSignal>
  /** Stops the server as the signal would. */
  readonly stop: (signal: StopSignal) => void
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
  const listeners = STOP_SIGNALS.map(signal => [signal, () => onSignal(signal)] as const)
  return { stopped: promise, stop: onSignal, undo: listenTo(deps, listeners) }
}

/** Ignores the signals that mean nothing to a server, and calls `onHangUp` at SIGHUP. Returns how to undo that. */
export function outliveSignals(deps: SignalDependencies, onHangUp: () => void): () => void {
  const ignored = IGNORED_SIGNALS.map(signal => [signal, () => undefined] as const)
  return listenTo(deps, [...ignored, ['SIGHUP', onHangUp]])
}

function listenTo(
  { signals }: SignalDependencies,
  listeners: readonly (readonly [NodeJS.Signals, () => void])[],
): () => void {
  for (const [signal, listener] of listeners) signals.on(signal, listener)
  return () => {
    for (const [signal, listener] of listeners) signals.off(signal, listener)
  }
}
