/**
 * The parts of undici that are used. The only import of the package: its index would load all of it (fetch, caches,
 * mocks, WebSocket), 13 MB a thread.
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
