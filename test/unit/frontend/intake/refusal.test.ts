import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayError } from '../../../../src/core/errors.ts'
import { refusalOf } from '../../../../src/frontend/intake/refusal.ts'
import { findRoute } from '../../../../src/frontend/intake/routes.ts'
import { requestHead } from '../../../support/request-head.ts'

const LIMITS = { bodyBytes: 1_000_000, orderBytes: 1000 }

function refusal(path: string, contentLength: number): GatewayError | undefined {
  const head = requestHead({ path, contentType: 'application/json', contentLength })
  return refusalOf(head, findRoute(path), LIMITS, 29_000)
}

for (const [path, limit] of [
  ['/generate', LIMITS.bodyBytes],
  ['/abort_request', LIMITS.orderBytes],
] as const) {
  test(`refuses a body of more than ${limit} bytes for ${path}`, () => {
    assert.equal(refusal(path, limit), undefined)
    const error = refusal(path, limit + 1)
    assert.equal(error?.code, 'body-too-large')
    assert.match(error?.message ?? '', new RegExp(String(limit)))
  })
}

for (const [path, message] of [
  ['/metrics', 'No route for POST /metrics: /metrics is served on the admin listener (port 29000)'],
  ['/admin/engines', /\/admin\/engines is served on the admin listener/],
  ['/administration', 'No route for POST /administration'],
] as const)
  test(`the error at ${path} says where it is served, if anywhere`, () => {
    const error = refusal(path, 0)
    assert.equal(error?.code, 'route-not-found')
    if (typeof message === 'string') assert.equal(error.message, message)
    else assert.match(error.message, message)
  })
