/**
 * Keeps a native library of our own making as a file, because only files can be loaded. Knows nothing of what it is.
 *
 * A library runs with all rights of the process: only bytes that were just compared, in a file and a folder that
 * nobody else may write, are loaded. Where the folder cannot be trusted or written, the file lives for the load alone.
 */
import { createHash } from 'node:crypto'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** `load` gets the path of a file with exactly these bytes. @throws what the file system says of the last resort. */
export function loadImage<T>(folder: string, image: Uint8Array, load: (path: string) => T): T {
  const kept = keep(folder, image)
  if (kept !== undefined) return load(kept)
  const passing = mkdtempSync(join(tmpdir(), 'pd-gateway-'))
  try {
    const path = join(passing, 'library.node')
    writeFileSync(path, image, { mode: 0o600 })
    return load(path)
  } finally {
    rmSync(passing, { recursive: true })
  }
}

/** The path in the folder; `undefined` when the folder is not ours alone or cannot be written. */
function keep(folder: string, image: Uint8Array): string | undefined {
  const name = createHash('sha256').update(image).digest('hex').slice(0, 32)
  const path = join(folder, `uws-${name}.node`)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (!isOursAlone(lstatSync(folder))) return undefined
    if (!isIntact(path, image)) replace(path, image)
    return path
  } catch (error) {
    if (isSystemError(error)) return undefined
    throw error
  }
}

function isIntact(path: string, image: Uint8Array): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined || !stats.isFile() || !isOursAlone(stats)) return false
  return stats.size === image.length && readFileSync(path).equals(image)
}

/** Written beside and renamed, so that a second process never loads half a file. */
function replace(path: string, image: Uint8Array): void {
  const partial = `${path}.${process.pid}`
  rmSync(partial, { force: true })
  writeFileSync(partial, image, { mode: 0o600, flag: 'wx' })
  renameSync(partial, path)
}

function isOursAlone({ uid, mode }: Stats): boolean {
  return uid === process.getuid?.() && (mode & 0o022) === 0
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
