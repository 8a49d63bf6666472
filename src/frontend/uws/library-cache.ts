/**
 * Writes a native library to a file, because the loader takes only files.
 *
 * A library runs with all rights of the process. Therefore a cached file is loaded only if its bytes were just compared
 * and no other user may write the file or its folder. If the folder cannot be trusted or written, a temporary file is
 * used and removed after loading.
 */
import { createHash } from 'node:crypto'
import { lstatSync, mkdtempSync, readFileSync, renameSync, rmSync, type Stats, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeFolder } from '../../files/make-folder.js'

/** Where a file is written that is not kept. The second is in memory, for a container whose root is read-only. */
const TEMPORARY_FOLDERS = [tmpdir(), '/dev/shm']

export interface ImageOptions {
  /** Folder in which the file is kept for the next start; undefined if there is none. */
  readonly folder: string | undefined
  /** Called with the reason if the file is not kept. */
  readonly onUncached?: (reason: string) => void
}

/**
 * Calls `load` with the path of a file that has exactly these bytes.
 * @throws Error that names every folder if the file cannot be written or loaded from any.
 */
export function loadImage<T>(
  image: Uint8Array,
  { folder, onUncached }: ImageOptions,
  load: (path: string) => T,
): T {
  const problems: string[] = []
  const locations =
    folder === undefined
      ? TEMPORARY_FOLDERS.map(temporary)
      : [cached(folder), ...TEMPORARY_FOLDERS.map(temporary)]
  if (folder === undefined) problems.push('the user has no home folder, and XDG_CACHE_HOME is not set')
  for (const { path: location, use } of locations) {
    try {
      const loaded = use(image, load)
      const [reason] = problems
      if (reason !== undefined) onUncached?.(reason)
      return loaded
    } catch (error) {
      if (!isUnusable(error)) throw error
      problems.push(`${location}: ${error.message}`)
    }
  }
  throw new Error(
    `Cannot write a library to load it: ${problems.join('; ')}. Set XDG_CACHE_HOME or TMPDIR to a folder that is writable and not mounted with noexec`,
  )
}

interface Location {
  readonly path: string
  readonly use: <T>(image: Uint8Array, load: (path: string) => T) => T
}

class UntrustedFolder extends Error {}

function cached(folder: string): Location {
  const use = <T>(image: Uint8Array, load: (path: string) => T): T => {
    const name = createHash('sha256').update(image).digest('hex').slice(0, 32)
    const path = join(folder, `uws-${name}.node`)
    makeFolder(folder, 0o700)
    if (!isWritableOnlyByUs(lstatSync(folder)))
      throw new UntrustedFolder('it belongs to another user, or other users may write to it')
    if (!isIntact(path, image)) replace(path, image)
    return load(path)
  }
  return { path: folder, use }
}

function temporary(parent: string): Location {
  const use = <T>(image: Uint8Array, load: (path: string) => T): T => {
    const folder = mkdtempSync(join(parent, 'pd-gateway-'))
    try {
      const path = join(folder, 'library.node')
      writeFileSync(path, image, { mode: 0o600 })
      return load(path)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  return { path: parent, use }
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

/** The loader cannot map a file of a folder that is mounted with noexec. */
function isUnusable(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  return error instanceof UntrustedFolder || 'syscall' in error || /failed to map segment/.test(error.message)
}
