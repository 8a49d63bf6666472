/** A pipe for standard output whose reader stands still: it is full, and nothing is ever read from it. */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs'

const { O_NONBLOCK, O_RDWR } = constants

export interface StillReader {
  /** The pipe; a child that gets it writes to it. */
  readonly fd: number
  close(): void
}

/** `path` must not exist. */
export function makeStillReader(path: string): StillReader {
  execFileSync('mkfifo', [path])
  const filling = openSync(path, O_RDWR | O_NONBLOCK)
  try {
    for (const size of [4096, 1]) fill(filling, Buffer.alloc(size))
  } catch (error) {
    closeSync(filling)
    throw error
  }
  // As a shell passes it on: a write to it blocks.
  const fd = openSync(path, O_RDWR)
  const close = (): void => {
    closeSync(filling)
    closeSync(fd)
    rmSync(path)
  }
  return { fd, close }
}

function fill(fd: number, block: Buffer): void {
  try {
    for (;;) writeSync(fd, block)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
  }
}
