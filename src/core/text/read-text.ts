/** Reads the body of a small HTTP request or response as text. */
import type { IncomingMessage } from 'node:http'

/** @throws the error that `tooLarge` creates, as soon as the body exceeds `limitBytes` */
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
