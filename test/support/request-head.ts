/** The head of a request, as the front end has read it. */
import type { RequestHead } from '../../src/frontend/intake/request-head.ts'

/** A `POST` without headers, whose body has no length of its own. `change`: what is different. */
export function requestHead(change: Partial<RequestHead> = {}): RequestHead {
  return {
    method: 'POST',
    path: '/generate',
    query: '',
    headers: [],
    requestId: 'id',
    contentType: '',
    contentEncoding: '',
    contentLength: -1,
    transferEncoding: undefined,
    priority: 'normal',
    changeHeaders: undefined,
    ...change,
  }
}
