/**
 * Simulated engines in a child process, so that the CPU of the demo's gateway is its own.
 *
 * The IPC channel carries the addresses one way; its end tells the child that we are gone, however we went.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { FleetUrls, RunningFleet } from './dependencies.ts'

/** `mainPath`: module that runs this command line; `args` of its command. @throws when the child ends before it has told its addresses. */
export async function startFleetProcess(mainPath: string, args: readonly string[]): Promise<RunningFleet> {
  const child = spawn(process.execPath, [mainPath, 'simulate', '--tell-parent', ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const urls = await addressesOf(child)
  return { ...urls, close: () => closed(child) }
}

function addressesOf(child: ChildProcess): Promise<FleetUrls> {
  const { promise, resolve, reject } = Promise.withResolvers<FleetUrls>()
  const onExit = (): void => reject(new Error('the simulated engines could not be started'))
  child.once('error', reject)
  child.once('exit', onExit)
  child.once('message', message => {
    child.off('exit', onExit)
    resolve(message as FleetUrls) // oxlint-disable-line typescript/no-unsafe-type-assertion -- both ends are this build
  })
  return promise
}

async function closed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}
