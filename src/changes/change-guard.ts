/**
 * Decides who may change something: engines and threads on the admin listener, and caches, profiles and requests of
 * others on the main port. Pure.
 *
 * Without a key a request must not come from a web page, which can send requests from inside a network but cannot choose
 * their headers freely (Fetch standard; DNS rebinding makes `Host` the page's own), nor through a proxy, which hides who
 * asks.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { Config } from '../config/config.ts'
import { GatewayError } from '../core/errors.ts'

export interface ChangeRequest {
  /** Value of a header by its lower-case name; empty or undefined if there is none. */
  readonly header: (name: string) => string | undefined
  /** Whether the client is on this machine. Undefined on the main port, where clients may be anywhere. */
  readonly isLocal: boolean | undefined
}

/** Headers by which proxies say that they pass on a request of somebody else. */
const PROXY_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'x-envoy-external-address',
]

/**
 * curl sends the second one unless it is given another. A form of a web page cannot send JSON with it, only with
 * `text/plain`.
 */
const BODY_TYPE = /^(?:application\/(?:[\w.-]+\+)?json|application\/x-www-form-urlencoded)\s*(?:;|$)/i

export class ChangeGuard {
  readonly #keyHash: Buffer | undefined
  readonly #allowRemote: boolean
  readonly #hosts: ReadonlySet<string>

  /** `hostname` is the name of this machine. */
  constructor({ key, allowRemoteChanges, allowedHosts }: Config['admin'], hostname: string) {
    this.#keyHash = key === undefined ? undefined : hashOf(key)
    this.#allowRemote = allowRemoteChanges
    this.#hosts = new Set(['localhost', hostname, ...allowedHosts].map(host => host.toLowerCase()))
  }

  /** Why the change is refused, or `undefined`. */
  refusalOf(request: ChangeRequest): GatewayError | undefined {
    const type = request.header('content-type') ?? ''
    if (type !== '' && !BODY_TYPE.test(type))
      return new GatewayError('unsupported-media-type', 'A change must have Content-Type application/json')
    if (this.#keyHash !== undefined) return this.#keyRefusal(request, this.#keyHash)
    return pageRefusal(request) ?? this.#hostRefusal(request) ?? this.#originRefusal(request)
  }

  /** Whether an `Authorization` header holds the key of this gateway, which must not reach engines. */
  isKey(authorization: string): boolean {
    const key = bearerIn(authorization)
    return key !== undefined && this.#keyHash !== undefined && timingSafeEqual(hashOf(key), this.#keyHash)
  }

  #keyRefusal({ header }: ChangeRequest, expected: Buffer): GatewayError | undefined {
    const bearer = bearerIn(header('authorization') ?? '')
    const given = [header('x-admin-key'), bearer].filter(key => key !== undefined && key !== '')
    if (given.some(key => key !== undefined && timingSafeEqual(hashOf(key), expected))) return undefined
    const problem = given.length === 0 ? 'Changes need the key of this gateway' : 'Wrong key'
    return new GatewayError(
      'unauthorized',
      `${problem} (admin.key): send it as Authorization: Bearer KEY or as X-Admin-Key`,
    )
  }

  /** A name that an attacker's DNS server can resolve to this machine is not accepted. */
  #hostRefusal({ header, isLocal }: ChangeRequest): GatewayError | undefined {
    if (isLocal === undefined || this.#hosts.has('*')) return undefined
    const host = hostnameOf(header('host') ?? '')
    if (isIP(host) !== 0 || host.endsWith('.localhost') || this.#hosts.has(host)) return undefined
    return new GatewayError(
      'forbidden',
      'Changes are only accepted with an IP address, localhost or the name of this machine as Host; add others to admin.allowedHosts',
    )
  }

  #originRefusal({ header, isLocal }: ChangeRequest): GatewayError | undefined {
    if (this.#allowRemote) return undefined
    if (isLocal === false) {
      return new GatewayError(
        'forbidden',
        'Changes are only accepted from this machine; set admin.key, or admin.allowRemoteChanges to accept them from others',
      )
    }
    const proxyHeader = PROXY_HEADERS.find(name => (header(name) ?? '') !== '')
    if (proxyHeader === undefined) return undefined
    return new GatewayError(
      'forbidden',
      `Changes are not accepted through a proxy (header ${proxyHeader}); set admin.key and send it, or set admin.allowRemoteChanges`,
    )
  }
}

function bearerIn(authorization: string): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
}

/** Browsers send at least one of these headers with every request of a page that may change something. */
function pageRefusal({ header }: ChangeRequest): GatewayError | undefined {
  const site = header('sec-fetch-site') ?? ''
  const isPage = (header('origin') ?? '') !== '' || (site !== '' && site !== 'none')
  return isPage
    ? new GatewayError(
        'forbidden',
        'Changes are not accepted from web pages (header Origin or Sec-Fetch-Site)',
      )
    : undefined
}

/** Name or address in a `Host` header, in lower case, without port, brackets and the final dot. */
function hostnameOf(host: string): string {
  const [, address, name] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.toLowerCase()) ?? []
  return address ?? name?.replace(/\.$/, '') ?? ''
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
