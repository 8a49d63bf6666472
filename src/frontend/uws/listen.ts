/** Listens on one port several times: each listener of uWebSockets.js has a fixed backlog of 512 connections. */
import { createServer } from 'node:net'
import type { Uws, UwsApp, UwsListenSocket } from './uws.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly listenSockets: number
}

export interface Listening {
  readonly port: number
  /** Takes no new connection; open ones stay. */
  close(): void
}

/** @throws Error when the port cannot be had. */
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
    if (first === undefined)
      throw new Error(`the gateway cannot have its port (--port): no listener on ${host}:${port}`)
    if (index === 0) port = uws.us_socket_local_port(first)
  }
  const close = (): void => {
    for (const socket of sockets.splice(0)) uws.us_listen_socket_close(socket)
  }
  return { port, close }
}

/** Sharing a port is what our listeners do: another process' port would be shared without a word. */
function assertFree(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', cause => {
      reject(new Error(`the gateway cannot have its port (--port): ${cause.message}`, { cause }))
    })
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()))
  })
}
