/** Opens several listeners on one port, because each listener of uWebSockets.js has a fixed backlog of 512 connections. */
import { createServer } from 'node:net'
import type { Uws, UwsApp, UwsListenSocket } from './uws.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  readonly listenSockets: number
}

export interface Listening {
  readonly port: number
  /** Accepts no new connection; open ones stay. */
  close(): void
}

/** @throws Error if the gateway cannot listen on the port. */
export async function listen(uws: Uws, app: UwsApp, options: ListenOptions): Promise<Listening> {
  const { host, listenSockets } = options
  if (options.port !== 0) await assertFree(host, options.port)
  const sockets: UwsListenSocket[] = []
  let port = options.port
  for (let index = 0; index < listenSockets; index++) {
    app.listen(host, port, socket => {
      if (socket !== false) sockets.push(socket)
    })
    const first = sockets[0]
    if (first === undefined) throw cannotListen(host, port, 'the listener was refused')
    if (index === 0) port = uws.us_socket_local_port(first)
  }
  const close = (): void => {
    for (const socket of sockets.splice(0)) uws.us_listen_socket_close(socket)
  }
  return { port, close }
}

/** Our listeners share their port, so without this check the port of another process would be shared silently. */
function assertFree(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', cause => {
      reject(cannotListen(host, port, cause.message, cause))
    })
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()))
  })
}

function cannotListen(host: string, port: number, reason: string, cause?: Error): Error {
  const options = cause === undefined ? {} : { cause }
  return new Error(`Cannot listen on ${host}:${port} (--host, --port): ${reason}`, options)
}
