/** Finds out before a start whether its ports are free, so that nothing has to be undone if they are not. */
import { createServer } from 'node:net'
import { errorCode } from '../core/text/error-text.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** The addresses on which another process listens, in their order. Any other problem is left to the start itself. */
export async function busyAddresses<A extends Address>(addresses: readonly A[]): Promise<A[]> {
  const busy: A[] = []
  // One after the other, because two of them may be the same.
  for (const address of addresses) if (await isBusy(address)) busy.push(address)
  return busy
}

function isBusy({ host, port }: Address): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', error => resolve(errorCode(error) === 'EADDRINUSE'))
  server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(false)))
  return promise
}
