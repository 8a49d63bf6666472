/**
 * Simulated engines in a child process, so that they take no CPU time from the event loop of the demo's gateway.
 *
 * The child sends its addresses over the IPC channel once. It exits when the channel closes, however this process ends.
 * It has a process group of its own, because a terminal sends Ctrl-C to the whole group of this process, and the engines
 * have to last until the open requests have ended.
 */
import { Child, nodeCommand } from '../process/child-process.ts'
import type { FleetUrls, RunningFleet } from './dependencies.ts'

/** The engines stop within milliseconds; a machine under load may take longer. */
const STOP_GRACE_MS = 10_000

/**
 * Runs `simulate` of the command line in module `mainPath` with these arguments.
 *
 * @throws Error if the child exits before it has sent its addresses; it has written the reason to standard error.
 */
export async function startFleetProcess(mainPath: string, args: readonly string[]): Promise<RunningFleet> {
  const command = nodeCommand(mainPath, ['simulate', '--notify-parent', ...args])
  const child = Child.start({ ...command, stdout: 'inherit', channel: true, ownGroup: true })
  const urls = await child
    .firstMessage((message: FleetUrls) => message)
    .catch((error: unknown) => {
      throw new Error('The simulated engines did not start, see the error above', { cause: error })
    })
  return { ...urls, close: () => child.stop(STOP_GRACE_MS) }
}
