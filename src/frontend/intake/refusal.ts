/** Which requests are refused by their head alone. Pure. */
import { isGeneration } from '../../core/endpoint.ts'
import { GatewayError } from '../../core/errors.ts'
import { bodyTooLarge, checkContentEncoding, checkContentType, type RequestHead } from './request-head.ts'
import type { Route } from './routes.ts'

/** `undefined`: nothing speaks against it. `bodyBytes`: the largest body that is taken. */
export function refusalOf(
  intake: RequestHead,
  route: Route | undefined,
  bodyBytes: number,
): GatewayError | undefined {
  const { method, path } = intake
  // Whoever stands before us may have believed the other one: what follows could be a request that it never saw.
  if (Number.isNaN(intake.contentLength)) {
    return new GatewayError('invalid-request', 'content-length is given twice, with two values')
  }
  if (route === undefined) return new GatewayError('route-not-found', `no route ${method} ${path}`)
  if (method === 'OPTIONS') return undefined
  if (route.kind === 'unserved') {
    return new GatewayError(
      'not-implemented',
      `${path} is not served by this gateway; ask an engine directly`,
    )
  }
  if (!route.methods.includes(method)) {
    return new GatewayError('method-not-allowed', `${path} takes ${route.methods.join(' or ')}`)
  }
  if (route.kind !== 'exchange') return undefined
  return bodyRefusalOf(intake, isGeneration(route.endpoint), bodyBytes)
}

function bodyRefusalOf(intake: RequestHead, isJson: boolean, bodyBytes: number): GatewayError | undefined {
  if (intake.contentLength > bodyBytes) return bodyTooLarge(bodyBytes)
  if (intake.method === 'GET') return undefined
  return (
    checkContentEncoding(intake.contentEncoding) ??
    (isJson ? checkContentType(intake.contentType) : undefined)
  )
}

/** What is still to come of the body is not wanted, or cannot be told from the next request. */
export function isRestUseless({ status }: GatewayError): boolean {
  return status === 400 || status === 408
}
