/** The address of a target as a plain socket and a request's head need it. Pure. */

export interface TargetAddress {
  /** Without the brackets of an IPv6 address: sockets do not know them. */
  readonly host: string
  readonly port: number
  /** What the `host` header says. */
  readonly hostHeader: string
  /** Goes before every path of the API; empty, or without a slash at its end. */
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
