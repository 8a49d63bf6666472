/**
 * Opens what the log is written to, so that no write blocks: a pipe or terminal that nobody reads, and a named pipe in
 * the place of the log file, refuse bytes instead of stopping the thread.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../core/text/error-text.ts'
import { makeFolder } from '../files/make-folder.js'

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants

/** Name of the log file in the folder of `log.dir`. */
const FILE_NAME = 'pd-gateway.log'
const STANDARD_OUTPUT = 1

/** @throws Error if the directory cannot be created or the file cannot be opened. */
export function openLogFile(dir: string): number {
  try {
    makeFolder(dir)
    return openSync(join(dir, FILE_NAME), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o666)
  } catch (error) {
    throw new Error(`Cannot write the log to ${dir} (--log-dir): ${messageOf(error)}`, { cause: error })
  }
}

let standardOutput: number | undefined

/** Opened once in each thread, and never closed. */
export function openStandardOutput(): number {
  standardOutput ??= ownStandardOutput()
  return standardOutput
}

/**
 * Pipes and terminals are opened again, because whether a write blocks is a property of the open file, which other
 * processes share and may change. A regular file is written through the given descriptor, which has a position of its
 * own. So is a socket, as systemd passes, which cannot be opened again: Node makes it non-blocking when the main thread
 * first touches `process.stdout`.
 */
function ownStandardOutput(): number {
  try {
    const stats = fstatSync(STANDARD_OUTPUT)
    if (!stats.isFIFO() && !stats.isCharacterDevice()) return STANDARD_OUTPUT
    return openSync(`/proc/self/fd/${STANDARD_OUTPUT}`, O_WRONLY | O_NONBLOCK | O_NOCTTY)
  } catch {
    // For example, it belongs to another user.
    return STANDARD_OUTPUT
  }
}

/** Standard output stays open: it is shared by all loggers of the thread. */
export function closeDestination(fd: number): void {
  if (fd !== standardOutput) closeSync(fd)
}
