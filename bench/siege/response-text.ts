/** Sends a request of `node:http` and reads its response. */
import type { ClientRequest, IncomingMessage } from 'node:http'

/** Resolves with the text of a response with status 200. @throws Error for any other response, or none. */
export async function textOf(call: ClientRequest): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    call.on('response', resolve)
    // Stays, because a connection may be lost after the head of the response, which then ends with an error, too.
    call.on('error', reject)
  })
  const parts = await response.setEncoding('utf8').toArray()
  const text = parts.join('')
  if (response.statusCode !== 200)
    throw new Error(`${call.path} returned status ${response.statusCode}: ${text.slice(0, 200)}`)
  return text
}
