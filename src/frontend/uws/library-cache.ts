/**
 * Writes a native library to a file, because the loader takes only files.
 *
 * A library runs with all rights of the process. Therefore a cached file is loaded only if its bytes were just compared
 * and no other user may write the file or its folder. If the folder cannot be trusted or written, a temporary file is
 * used and removed after loading.
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

/**
 * Calls `load` with the path of a file that has exactly these bytes.
 * @throws The error of the file system if not even a temporary file can be written.
 */
export function loadImage<T>(folder: string, image: Uint8Array, load: (path: string) => T): T {
  const cached = cache(folder, image)
  if (cached !== undefined) return load(cached)
  const temporary = mkdtempSync(join(tmpdir(), 'pd-gateway-'))
  try {
    const path = join(temporary, 'library.node')
    writeFileSync(path, image, { mode: 0o600 })
    return load(path)
  } finally {
    rmSync(temporary, { recursive: true })
  }
}

/** Returns the path in the folder; `undefined` if the folder is writable by others or not writable by us. */
function cache(folder: string, image: Uint8Array): string | undefined {
  const name = createHash('sha256').update(image).digest('hex').slice(0, 32)
  const path = join(folder, `uws-${name}.node`)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (!isWritableOnlyByUs(lstatSync(folder))) return undefined
    if (!isIntact(path, image)) replace(path, image)
    return path
  } catch (error) {
    if (isSystemError(error)) return undefined
    throw error
  }
}

function isIntact(path: string, image: Uint8Array): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined || !stats.isFile() || !isWritableOnlyByUs(stats)) return false
  return stats.size === image.length && readFileSync(path).equals(image)
}

/** Writes to a temporary name and renames, so that another process never loads an incomplete file. */
function replace(path: string, image: Uint8Array): void {
  const partial = `${path}.${process.pid}`
  rmSync(partial, { force: true })
  writeFileSync(partial, image, { mode: 0o600, flag: 'wx' })
  renameSync(partial, path)
}

function isWritableOnlyByUs({ uid, mode }: Stats): boolean {
  return uid === process.getuid?.() && (mode & 0o022) === 0
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
