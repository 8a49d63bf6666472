/** The whole body of a small HTTP message as text, of a request or an answer. */
import type { IncomingMessage } from 'node:http'

/** @throws what `tooLarge` makes, as soon as the body has more than `limitBytes`. */
export async function readText(
  message: IncomingMessage,
  limitBytes: number,
  tooLarge: () => Error,
): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of message) {
    if (!(chunk instanceof Uint8Array)) continue
    bytes += chunk.byteLength
    if (bytes > limitBytes) throw tooLarge()
    chunks.push(Buffer.from(chunk))
  }
  return Buffer.concat(chunks).toString('utf8')
}
