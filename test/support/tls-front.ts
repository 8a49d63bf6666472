/** TLS before a plain server: what an https engine is to the gateway. Its certificate signs itself. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { listen } from './listen.ts'

export const CERTIFICATE_FILE = fileURLToPath(new URL('tls/cert.pem', import.meta.url))
/** Made for these tests, and of no use elsewhere. */
const KEY_FILE = new URL('tls/key.pem', import.meta.url)

export interface TlsFront {
  readonly url: string
  /** Connections that have succeeded. */
  socketCount: number
  /** Of these, the ones whose first request was for tokens: no probes. */
  tokenSocketCount: number
}

export async function openTlsFront(t: TestContext, plainUrl: string): Promise<TlsFront> {
  const { hostname, port } = new URL(plainUrl)
  const openSockets = new Set<Socket>()
  const server = createServer(
    { cert: readFileSync(CERTIFICATE_FILE), key: readFileSync(KEY_FILE) },
    outer => {
      front.socketCount++
      openSockets.add(outer)
      outer.once('data', bytes => {
        if (bytes.toString('latin1').startsWith('POST /generate')) front.tokenSocketCount++
      })
      const inner = connect(Number(port), hostname)
      outer
        .on('error', () => inner.destroy())
        .on('close', () => {
          openSockets.delete(outer)
          inner.destroy()
        })
      inner.on('error', () => outer.destroy()).on('close', () => outer.destroy())
      outer.pipe(inner).pipe(outer)
    },
  )
  const url = `https://127.0.0.1:${await listen(server)}`
  const front: TlsFront = { url, socketCount: 0, tokenSocketCount: 0 }
  t.after(async () => {
    for (const socket of openSockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return front
}
