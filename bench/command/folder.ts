/** Makes folders for what a bench writes. */

import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf } from '../../src/core/error-text.ts'

/**
 * Makes the folder and those above it. Level by level: Node's own recursive way never returns where a file system says
 * of a folder that is there that it is not, as /proc does. @throws Error when it cannot be made.
 */
export function makeFolder(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found?.isDirectory()) return
  if (found !== undefined) throw new Error(`${folder} is not a folder`)
  const parent = dirname(folder)
  if (parent !== folder) makeFolder(parent)
  try {
    mkdirSync(folder)
  } catch (error) {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
      throw new Error(`${folder} cannot be made: ${messageOf(error)}`, {
        cause: error,
      })
    }
  }
}
