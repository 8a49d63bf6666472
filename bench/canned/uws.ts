/** The one edge from bench into src: the canned engine loads uWebSockets.js exactly as the gateway does. */
export { loadUws, type UwsApp, type UwsRequest, type UwsResponse } from '../../src/frontend/uws/uws.ts'
