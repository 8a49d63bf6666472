/**
 * Loads uWebSockets.js and declares the types of the parts in use. No other file imports that package.
 *
 * Its Linux binary is linked against glibc 2.38. If it cannot be loaded on an older system, a patched copy
 * (`elf-patch.ts`) is written to a cache folder (`library-cache.ts`) and loaded instead.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { cacheFolder } from '../../files/cache-folder.js'
import { patchForOlderGlibc } from './elf-patch.ts'
import { loadImage } from './library-cache.ts'

export interface UwsRequest {
  getUrl(): string
  /** In the case that the client sent. */
  getCaseSensitiveMethod(): string
  /** Not decoded, without the question mark; `undefined` if there is none. */
  getQuery(): string | undefined
  /** Names are in lower case. */
  forEach(callback: (name: string, value: string) => void): void
  /** With `true`, the next matching handler gets the request, with another object for the same response. */
  setYield(isPassedOn: boolean): UwsRequest
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
  /** Stops reading from the client. */
  pause(): void
  resume(): void
  /** IPv4 or IPv6 in text, without the port; empty once the connection is closed. */
  getRemoteAddressAsText(): ArrayBuffer
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
  put(pattern: string, handler: (res: UwsResponse, req: UwsRequest) => void): UwsApp
  /**
   * Calls back with 1 for each new connection and with -1 for each closed one. The response object of a new connection
   * stays valid until the connection is closed.
   */
  filter(callback: (res: UwsResponse, change: number) => void): UwsApp
  /** Seconds from the acceptance of a connection to its first request head, and between parts of a body; 0 for no limit. */
  setIdleTimeout(secs: number): UwsApp
  /** Seconds from a response, or from a part of it that the client does not take, to the next request; 0 for no limit. */
  setResponseTimeout(secs: number): UwsApp
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
  /** Called with a sentence about what works less well than it could. */
  readonly warn?: (text: string) => void
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
    return loadPatched(options.warn)
  }
}

/** Path of the binary that the package loads in this process. */
export function uwsBinaryPath(): string {
  const { platform, arch, versions } = process
  return join(dirname(require.resolve(PACKAGE)), `uws_${platform}_${arch}_${versions.modules}.node`)
}

function loadPatched(warn: LoadOptions['warn']): Uws {
  const original = readFileSync(uwsBinaryPath())
  const result = patchForOlderGlibc(original)
  if (result.kind !== 'patched') {
    const reason = result.kind === 'refused' ? result.reason : 'it is already patched'
    throw new Error(`Cannot load uWebSockets.js with this glibc, nor patch it: ${reason}`)
  }
  try {
    const onUncached = (reason: string): void =>
      warn?.(`the library for HTTP is made again at each start, because it cannot be kept: ${reason}`)
    return loadImage(result.image, { folder: cacheFolder(process.env), onUncached }, requireUws)
  } catch (cause) {
    if (!MISSING_GLIBC.test(String(cause))) throw cause
    throw new Error('Cannot load uWebSockets.js: it needs glibc 2.36 or newer', { cause })
  }
}

function requireUws(specifier: string): Uws {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the package has no types for this use
  return require(specifier) as Uws
}
