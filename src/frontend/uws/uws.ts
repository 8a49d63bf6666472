/**
 * Loads uWebSockets.js and types what is used of it. The only import of that package; knows nothing of the gateway.
 *
 * Its linux binary is linked on glibc 2.38. Where that fails on an older system, a patched copy (`elf-patch.ts`) is
 * kept in a cache folder (`library-cache.ts`) and loaded in its place.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { patchForOlderGlibc } from './elf-patch.ts'
import { loadImage } from './library-cache.ts'

export interface UwsRequest {
  getUrl(): string
  /** As the client wrote it. */
  getCaseSensitiveMethod(): string
  /** Raw, without the question mark; `undefined` when there is none. */
  getQuery(): string | undefined
  /** Names in lower case. */
  getHeader(lowerCaseName: string): string
  forEach(visit: (name: string, value: string) => void): void
}

/** Not to be touched after `end`, a completed `tryEnd`, `close` or `onAborted`. */
export interface UwsResponse {
  writeStatus(status: string): UwsResponse
  writeHeader(name: string, value: string): UwsResponse
  /** False when the client does not keep up: the bytes are buffered, and `onWritable` will tell. */
  write(chunk: string | Uint8Array): boolean
  end(body?: string | Uint8Array, closeConnection?: boolean): UwsResponse
  endWithoutBody(reportedContentLength?: number, closeConnection?: boolean): UwsResponse
  tryEnd(rest: Uint8Array, totalBytes: number): [isOk: boolean, hasResponded: boolean]
  getWriteOffset(): number
  close(): UwsResponse
  cork(write: () => void): UwsResponse
  onWritable(handler: (offset: number) => boolean): UwsResponse
  onAborted(handler: () => void): UwsResponse
  /** The buffer is taken away when the handler returns. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): UwsResponse
}

/** An opaque handle. */
export interface UwsListenSocket {
  readonly uwsListenSocket?: never
}

export interface UwsApp {
  any(pattern: string, handler: (res: UwsResponse, req: UwsRequest) => void): UwsApp
  get(pattern: string, handler: (res: UwsResponse, req: UwsRequest) => void): UwsApp
  post(pattern: string, handler: (res: UwsResponse, req: UwsRequest) => void): UwsApp
  /** Calls back before it returns; false when the port cannot be had. Several listeners may share a port. */
  listen(host: string, port: number, callback: (socket: UwsListenSocket | false) => void): UwsApp
  /** Closes listeners and connections at once. */
  close(): UwsApp
}

export interface Uws {
  App(): UwsApp
  us_listen_socket_close(socket: UwsListenSocket): void
  us_socket_local_port(socket: UwsListenSocket): number
}

export interface LoadOptions {
  /** Largest request head. Takes effect at the first load in the process. */
  readonly maxHeaderBytes?: number
  /** Where the patched copy is kept. */
  readonly cacheFolder?: string
}

const require = createRequire(import.meta.url)
const PACKAGE = 'uWebSockets.js'
const MISSING_GLIBC = /GLIBC_2\.\d+' not found/

/** @throws Error with one sentence that says what the system lacks. */
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

/** The binary that the package would load in this process. */
export function uwsBinaryPath(): string {
  const { platform, arch, versions } = process
  return join(dirname(require.resolve(PACKAGE)), `uws_${platform}_${arch}_${versions.modules}.node`)
}

function loadPatched(cacheFolder: string): Uws {
  const original = readFileSync(uwsBinaryPath())
  const result = patchForOlderGlibc(original)
  if (result.kind !== 'patched') {
    const reason = result.kind === 'refused' ? result.reason : 'it is patched already'
    throw new Error(`uWebSockets.js cannot be loaded with this glibc and cannot be adapted: ${reason}.`)
  }
  try {
    return loadImage(cacheFolder, result.image, requireUws)
  } catch (cause) {
    if (!MISSING_GLIBC.test(String(cause))) throw cause
    throw new Error('uWebSockets.js needs glibc 2.36 or newer, which this system does not have.', { cause })
  }
}

function defaultCacheFolder(): string {
  const cache = process.env['XDG_CACHE_HOME']
  if (cache !== undefined && cache !== '') return join(cache, 'pd-gateway')
  // A name of the user's own: in a shared folder nobody else may leave a library for us to load.
  const home = process.env['HOME']
  const isHomeKnown = home !== undefined && home !== '' && home !== '/'
  return isHomeKnown
    ? join(home, '.cache', 'pd-gateway')
    : join(tmpdir(), `pd-gateway-${process.getuid?.() ?? 0}`)
}

function requireUws(specifier: string): Uws {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the module has no types of this shape
  return require(specifier) as Uws
}
