/**
 * The parts of undici that the gateway uses. This file is the only one that imports the package, and it imports single
 * files: the index would load fetch, caches, mocks and WebSocket too, 13 MB per thread.
 *
 * Requires undici 7. The data path implements its handler interface (`onConnect`, `onHeaders`, `onData`, `onComplete`,
 * `onError`; `upstream-request.ts`), and `lean-socket.ts` relies on how its HTTP/1.1 client reads from a socket. Undici 8
 * accepts only handlers with `onRequestStart`, `onResponseStart`, `onResponseData`, `onResponseEnd` and
 * `onResponseError`.
 */
import { createRequire } from 'node:module'
import type { buildConnector as BuildConnector, errors as Errors, Client as UndiciClient } from 'undici'

const require = createRequire(import.meta.url)

/* oxlint-disable typescript/no-unsafe-type-assertion -- these files have no types of their own, the index has */
export const Client = require('undici/lib/dispatcher/client.js') as typeof UndiciClient
export const buildConnector = require('undici/lib/core/connect.js') as typeof BuildConnector
export const errors = require('undici/lib/core/errors.js') as typeof Errors
/* oxlint-enable typescript/no-unsafe-type-assertion */

export type Client = UndiciClient
export type ConnectorOptions = BuildConnector.Options
export type ConnectorCallback = BuildConnector.Callback
