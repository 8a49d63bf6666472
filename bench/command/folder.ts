/** Creates folders for the files that a bench writes. */

import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf } from '../../src/core/text/error-text.ts'

/**
 * Creates the folder and its parents, level by level: Node's recursive `mkdir` never returns on a file system that denies
 * the existence of an existing folder, as /proc does. @throws Error when the folder cannot be created.
 */
export function makeFolder(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found?.isDirectory()) return
  if (found !== undefined) throw new Error(`Cannot create files below ${folder}: it is not a folder`)
  const parent = dirname(folder)
  if (parent !== folder) makeFolder(parent)
  try {
    mkdirSync(folder)
  } catch (error) {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
      throw new Error(`Cannot create ${folder}: ${messageOf(error)}`, {
        cause: error,
      })
    }
  }
}
