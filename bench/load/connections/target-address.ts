/** The parts of a target's URL that a plain socket and a request head need. Pure. */

export interface TargetAddress {
  /** Without the brackets of an IPv6 address, which sockets do not accept. */
  readonly host: string
  readonly port: number
  /** Value of the `host` header. */
  readonly hostHeader: string
  /** Prepended to every API path; empty, or without a trailing slash. */
  readonly prefix: string
}

export function addressOf(url: string): TargetAddress {
  const { hostname, host, port, pathname } = new URL(url)
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? 80 : Number(port),
    hostHeader: host,
    prefix: pathname.replace(/\/+$/, ''),
  }
}
