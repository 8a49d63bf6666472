/** The one edge from bench into src: the canned engine loads uWebSockets.js exactly as the gateway does. */
export { loadUws } from '../../src/frontend/uws.ts'
