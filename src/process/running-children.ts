/** Child processes that still run; this process kills them when it exits. */
import type { ChildProcess } from 'node:child_process'

/** The exit is as global as this map. */
const running = new Map<ChildProcess, () => void>()

/** Calls `kill` when this process exits before the child has ended. */
export function killAtExit(child: ChildProcess, kill: () => void): void {
  if (running.size === 0) process.on('exit', killAll)
  running.set(child, kill)
  const forget = () => {
    running.delete(child)
    if (running.size === 0) process.off('exit', killAll)
  }
  child.once('exit', forget)
  child.once('error', forget)
}

function killAll(): void {
  for (const kill of running.values()) kill()
}
