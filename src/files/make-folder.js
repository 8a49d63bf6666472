// @ts-check
/**
 * Creates a folder and those above it. Plain JavaScript, because `bin/pd-gateway.js` needs it before TypeScript runs.
 *
 * It stands in for Node's `mkdir` with `recursive`, which never returns where a folder cannot be created although the
 * one above it exists, as below /proc (Node 24.21).
 */
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Does nothing if the folder exists. `mode` is that of the folders it creates; the umask applies.
 * @param {string} path
 * @param {number} [mode]
 * @throws Error of the file system, for example if the file system is read-only or a part of the path is a file
 */
export function makeFolder(path, mode = 0o777) {
  if (isFolder(path)) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent, mode)
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    // Another process may have created it in the meantime.
    if (!isFolder(path)) throw error
  }
}

/** @param {string} path */
function isFolder(path) {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
