/** The two CPU cores of a measurement: one for what is measured, one for everything else. */
import { execFileSync } from 'node:child_process'

export const TARGET_CORE = 0
/** Engines, load generators and this process. */
export const LOAD_CORE = 1

/** Moves this process, with all its threads, to the load core. Children inherit it unless they are given another. */
export function moveToLoadCore(): void {
  execFileSync('taskset', ['-acp', String(LOAD_CORE), String(process.pid)], { stdio: 'ignore' })
}
