/** Loads uWebSockets.js the way the gateway does. */
export { loadUws, type UwsApp, type UwsRequest, type UwsResponse } from '../../src/frontend/uws/uws.ts'
