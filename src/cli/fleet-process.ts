/**
 * Simulated engines in a child process, so that they take no CPU time from the event loop of the demo's gateway.
 *
 * The child sends its addresses over the IPC channel once. It exits when the channel closes, however this process ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { FleetUrls, RunningFleet } from './dependencies.ts'

/**
 * Runs `simulate` of the command line in module `mainPath` with these arguments.
 *
 * @throws Error if the child exits before it has sent its addresses; it has written the reason to standard error.
 */
export async function startFleetProcess(mainPath: string, args: readonly string[]): Promise<RunningFleet> {
  const child = spawn(process.execPath, [mainPath, 'simulate', '--notify-parent', ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const urls = await urlsFrom(child)
  return { ...urls, close: () => stop(child) }
}

function urlsFrom(child: ChildProcess): Promise<FleetUrls> {
  const { promise, resolve, reject } = Promise.withResolvers<FleetUrls>()
  const onExit = (): void => reject(new Error('The simulated engines did not start, see the error above'))
  child.once('error', reject)
  child.once('exit', onExit)
  child.once('message', message => {
    child.off('exit', onExit)
    resolve(message as FleetUrls) // oxlint-disable-line typescript/no-unsafe-type-assertion -- both ends are this build
  })
  return promise
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}
