/**
 * Folders for logs on a disk that is full: a tmpfs of 128 KiB with a file that takes all of it. Only root may mount one; for
 * others the log file is `/dev/full`, which fails each write in the same way.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmdirSync, rmSync, symlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../src/core/text/error-text.ts'

const SIZE_KIB = 128
const LOG_FILE = 'pd-gateway.log'

export interface FullFolder {
  readonly path: string
  /** What stands in for the full disk. */
  readonly kind: string
  close(): void
}

/** `path` must not exist. */
export function makeFullFolder(path: string): FullFolder {
  mkdirSync(path)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_KIB}k`, 'tmpfs', path], { stdio: 'pipe' })
  } catch (error) {
    symlinkSync('/dev/full', join(path, LOG_FILE))
    const reason = messageOf(error).trim().replaceAll(/\s+/g, ' ')
    return {
      path,
      kind: `/dev/full, because no tmpfs could be mounted (${reason})`,
      close: () => rmSync(path, { recursive: true }),
    }
  }
  fill(join(path, 'ballast'))
  const close = (): void => {
    execFileSync('umount', [path])
    rmdirSync(path)
  }
  return { path, kind: `a tmpfs of ${SIZE_KIB} KiB, full`, close }
}

function fill(path: string): void {
  const fd = openSync(path, 'w')
  try {
    for (;;) writeSync(fd, Buffer.alloc(4096))
  } catch {
    // ENOSPC: it is full.
  } finally {
    closeSync(fd)
  }
}
