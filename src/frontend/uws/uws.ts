/**
 * Loads uWebSockets.js and declares the types of the parts in use. No other file imports that package.
 *
 * Its Linux binary is linked against glibc 2.38. If it cannot be loaded on an older system, a patched copy
 * (`elf-patch.ts`) is written to a cache folder (`library-cache.ts`) and loaded instead.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { patchForOlderGlibc } from './elf-patch.ts'
import { loadImage } from './library-cache.ts'

export interface UwsRequest {
  getUrl(): string
  /** In the case that the client sent. */
  getCaseSensitiveMethod(): string
  /** Not decoded, without the question mark; `undefined` if there is none. */
  getQuery(): string | undefined
  /** Returns the first value, or an empty string. */
  getHeader(lowerCaseName: string): string
  /** Names are in lower case. */
  forEach(callback: (name: string, value: string) => void): void
}

/** No method may be called after `end`, a completed `tryEnd`, `close` or `onAborted`. */
export interface UwsResponse {
  writeStatus(status: string): UwsResponse
  /** A text is written as UTF-8. */
  writeHeader(name: string, value: string | Uint8Array): UwsResponse
  /** Returns `false` if the client does not keep up: the bytes are buffered, and `onWritable` follows. */
  write(chunk: string | Uint8Array): boolean
  end(body?: string | Uint8Array, closeConnection?: boolean): UwsResponse
  endWithoutBody(reportedContentLength?: number, closeConnection?: boolean): UwsResponse
  tryEnd(rest: Uint8Array, totalBytes: number): [isOk: boolean, hasResponded: boolean]
  getWriteOffset(): number
  close(): UwsResponse
  cork(write: () => void): UwsResponse
  onWritable(handler: (offset: number) => boolean): UwsResponse
  onAborted(handler: () => void): UwsResponse
  /** The buffer is detached when the handler returns. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): UwsResponse
}

export interface UwsListenSocket {
  readonly uwsListenSocket?: never
}

export interface UwsApp {
  any(pattern: string, handler: (res: UwsResponse, req: UwsRequest) => void): UwsApp
  get(pattern: string, handler: (res: UwsResponse, req: UwsRequest) => void): UwsApp
  post(pattern: string, handler: (res: UwsResponse, req: UwsRequest) => void): UwsApp
  /** Calls back before it returns, with `false` if it cannot listen. Several listeners may share a port. */
  listen(host: string, port: number, callback: (socket: UwsListenSocket | false) => void): UwsApp
  /** Closes all listeners and connections at once. */
  close(): UwsApp
}

export interface Uws {
  App(): UwsApp
  us_listen_socket_close(socket: UwsListenSocket): void
  us_socket_local_port(socket: UwsListenSocket): number
}

export interface LoadOptions {
  /** Size limit of a request head, in bytes. Only the first load in the process reads it. */
  readonly maxHeaderBytes?: number
  /** Folder for the patched copy. */
  readonly cacheFolder?: string
}

const require = createRequire(import.meta.url)
const PACKAGE = 'uWebSockets.js'
const MISSING_GLIBC = /GLIBC_2\.\d+' not found/

/** @throws Error with a message about what the system lacks. */
export function loadUws(options: LoadOptions = {}): Uws {
  if (options.maxHeaderBytes !== undefined) {
    process.env['UWS_HTTP_MAX_HEADERS_SIZE'] = String(options.maxHeaderBytes)
  }
  try {
    return requireUws(PACKAGE)
  } catch (error) {
    if (!MISSING_GLIBC.test(String(error))) throw error
    return loadPatched(options.cacheFolder ?? defaultCacheFolder())
  }
}

/** Path of the binary that the package loads in this process. */
export function uwsBinaryPath(): string {
  const { platform, arch, versions } = process
  return join(dirname(require.resolve(PACKAGE)), `uws_${platform}_${arch}_${versions.modules}.node`)
}

function loadPatched(cacheFolder: string): Uws {
  const original = readFileSync(uwsBinaryPath())
  const result = patchForOlderGlibc(original)
  if (result.kind !== 'patched') {
    const reason = result.kind === 'refused' ? result.reason : 'it is already patched'
    throw new Error(`Cannot load uWebSockets.js with this glibc, nor patch it: ${reason}`)
  }
  try {
    return loadImage(cacheFolder, result.image, requireUws)
  } catch (cause) {
    if (!MISSING_GLIBC.test(String(cause))) throw cause
    throw new Error('Cannot load uWebSockets.js: it needs glibc 2.36 or newer', { cause })
  }
}

function defaultCacheFolder(): string {
  const cache = process.env['XDG_CACHE_HOME']
  if (cache !== undefined && cache !== '') return join(cache, 'pd-gateway')
  // Named after the user: in a shared folder, another user must not be able to plant a library for us to load.
  const home = process.env['HOME']
  const isHomeKnown = home !== undefined && home !== '' && home !== '/'
  return isHomeKnown
    ? join(home, '.cache', 'pd-gateway')
    : join(tmpdir(), `pd-gateway-${process.getuid?.() ?? 0}`)
}

function requireUws(specifier: string): Uws {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the package has no types for this use
  return require(specifier) as Uws
}
