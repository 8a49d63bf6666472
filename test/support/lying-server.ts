/** A server that responds to each request with given bytes: correct ones, or wrong ones. */
import { createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { listen } from './listen.ts'

/** How the server handles a request. `body` is the parsed JSON body of the request. */
export type Lie = (socket: Socket, body: unknown) => void

/** Returns the origin of the server. */
export async function openLyingServer(t: TestContext, lie: Lie): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    readRequests(socket, lie)
  })
  const port = await listen(server)
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${port}`
}

/** Requests with a content-length, one after the other. */
function readRequests(socket: Socket, lie: Lie): void {
  let bytes = Buffer.alloc(0)
  socket.on('data', part => {
    bytes = Buffer.concat([bytes, part])
    const end = bytes.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = Number(/content-length: (\d+)/i.exec(bytes.toString('latin1', 0, end))?.[1])
    if (bytes.length < end + 4 + length) return
    const body: unknown = JSON.parse(bytes.toString('utf8', end + 4, end + 4 + length))
    bytes = bytes.subarray(end + 4 + length)
    lie(socket, body)
  })
}

/** A complete response. */
export function responseText(status: number, contentType: string, body: string, headers = ''): string {
  const length = Buffer.byteLength(body)
  return `HTTP/1.1 ${status} X\r\ncontent-type: ${contentType}\r\ncontent-length: ${length}\r\n${headers}\r\n${body}`
}
