/** Recognizes the addresses of the gateway itself, which is no engine: requests would come back to it without end. */
import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'

/** A listener of the gateway. */
export interface OwnListener {
  /** Address that it listens on, such as 0.0.0.0. */
  readonly host: string
  readonly port: number
}

const WILDCARDS = new Set(['0.0.0.0', '::', ''])
const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/

/** Whether a connection to the origin would reach one of the listeners. Resolves with `false` if the name is unknown. */
export async function isOwnAddress(url: string, listeners: readonly OwnListener[]): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url)
  const number = Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port)
  const candidates = listeners.filter(listener => listener.port === number)
  if (candidates.length === 0) return false
  const addresses = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true }).catch(() => [])
  return addresses.some(({ address }) => candidates.some(({ host }) => listensOn(host, address)))
}

function listensOn(host: string, address: string): boolean {
  if (WILDCARDS.has(host)) return WILDCARDS.has(address) || isLocal(address)
  // A connection to a wildcard address reaches the loopback interface.
  return (
    host === address ||
    (WILDCARDS.has(address) && LOOPBACK.test(host)) ||
    (host === 'localhost' && LOOPBACK.test(address))
  )
}

function isLocal(address: string): boolean {
  if (LOOPBACK.test(address)) return true
  return Object.values(networkInterfaces()).some(list => list?.some(own => own.address === address))
}
