// @ts-check
/**
 * The folder for files that the program can make again: compiled code, the patched library, Python environments. Plain
 * JavaScript, because `bin/pd-gateway.js` needs it before TypeScript runs.
 */
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/**
 * `pd-gateway` in `XDG_CACHE_HOME` if that is an absolute path, otherwise in `~/.cache` (XDG Base Directory). Undefined
 * if the user has no home, as in containers that run with a user of no name. A folder that all users share is never
 * chosen: code is loaded from here. The folder may not exist yet, or not be writable.
 *
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {string | undefined}
 */
export function cacheFolder(env) {
  const named = env['XDG_CACHE_HOME'] ?? ''
  if (isAbsolute(named)) return join(named, 'pd-gateway')
  const home = homeFolder(env)
  return home === '' || home === '/' ? undefined : join(home, '.cache', 'pd-gateway')
}

/**
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {string}
 */
function homeFolder(env) {
  const named = env['HOME'] ?? ''
  if (named !== '') return named
  try {
    return homedir()
  } catch {
    // The user has no entry in the list of users.
    return ''
  }
}
