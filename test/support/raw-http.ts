/** Requests as bytes, for what no HTTP client would send. */
import { connect } from 'node:net'
import type { TestContext } from 'node:test'

/** Sends and returns what comes back, until it is enough or the connection ends. */
export function sendRaw(
  t: TestContext,
  origin: string,
  text: string | Uint8Array,
  isEnough: (response: string) => boolean = response => response.endsWith('}}'),
): Promise<string> {
  return new Promise(resolve => {
    let response = ''
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    t.after(() => socket.destroy())
    socket.on('error', () => resolve(response))
    socket.on('close', () => resolve(response))
    socket.setEncoding('utf8').on('data', piece => {
      response += String(piece)
      if (isEnough(response)) resolve(response)
    })
    socket.write(text)
  })
}
