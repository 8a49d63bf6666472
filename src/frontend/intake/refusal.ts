/** Decides from its head alone whether a request is refused. Pure. */
import { takesJson } from '../../core/endpoint.ts'
import { GatewayError } from '../../core/errors.ts'
import { bodyTooLarge, checkContentEncoding, checkContentType, type RequestHead } from './request-head.ts'
import type { ExchangeRoute, Route } from './routes.ts'

/** Maximum sizes of bodies, in bytes. */
export interface BodyLimits {
  readonly bodyBytes: number
  /** Of requests that hold no prompt. */
  readonly orderBytes: number
}

export function bodyLimitOf({ endpoint }: ExchangeRoute, { bodyBytes, orderBytes }: BodyLimits): number {
  return takesJson(endpoint) ? bodyBytes : Math.min(bodyBytes, orderBytes)
}

const ADMIN_PATH = /^\/(?:metrics|admin)(?:\/|$)/

/** Why the request is refused, or `undefined`. `adminPort`: port of the admin listener, if it is known. */
export function refusalOf(
  head: RequestHead,
  route: Route | undefined,
  limits: BodyLimits,
  adminPort?: number,
): GatewayError | undefined {
  const { method, path } = head
  if (route === undefined) return noRoute(head, adminPort)
  if (method === 'OPTIONS' || route.kind === 'moved') return undefined
  if (route.kind === 'unserved') {
    return new GatewayError('endpoint-not-served', `This gateway does not serve ${path}${route.reason}`)
  }
  if (!route.methods.includes(method)) {
    const allowed = route.methods.join(' or ')
    return new GatewayError(
      'method-not-allowed',
      `Method ${method} is not allowed for ${path}: use ${allowed}`,
    )
  }
  if (route.kind !== 'exchange') return undefined
  return bodyRefusalOf(head, takesJson(route.endpoint), bodyLimitOf(route, limits))
}

function noRoute({ method, path }: RequestHead, adminPort: number | undefined): GatewayError {
  const port = adminPort === undefined ? '' : ` (port ${adminPort})`
  const where = ADMIN_PATH.test(path) ? `: ${path} is served on the admin listener${port}` : ''
  return new GatewayError('route-not-found', `No route for ${method} ${path}${where}`)
}

function bodyRefusalOf(head: RequestHead, isJson: boolean, bodyBytes: number): GatewayError | undefined {
  if (head.contentLength > bodyBytes) return bodyTooLarge(bodyBytes)
  if (head.method === 'GET') return undefined
  return (
    checkContentEncoding(head.contentEncoding) ?? (isJson ? checkContentType(head.contentType) : undefined)
  )
}

/**
 * Whether the connection is closed after the error response, because the rest of the body is unwanted or cannot be
 * distinguished from the next request.
 */
export function closesConnection({ status }: GatewayError): boolean {
  return status === 400 || status === 408
}
