/** Ctrl-C and SIGTERM for a command that ends by itself: they abort a signal, so that it can stop what it has started. */
import { type SignalDependencies, untilStopped } from '../../src/process/stop-signals.ts'
import { EXIT } from './exit.ts'

/**
 * Calls `run` and resolves with its exit code. The first signal aborts what `run` receives; a second one, later, ends
 * the process.
 */
export async function untilInterrupted(
  deps: SignalDependencies,
  run: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const interrupt = new AbortController()
  const { stopped, undo } = untilStopped(deps)
  void stopped.then(() => interrupt.abort())
  // By default SIGHUP ends the process without an exit event, and with it would leave its child processes behind.
  const onHangUp = () => deps.exit(EXIT.interrupted)
  process.on('SIGHUP', onHangUp)
  try {
    return await run(interrupt.signal)
  } finally {
    undo()
    process.off('SIGHUP', onHangUp)
  }
}
