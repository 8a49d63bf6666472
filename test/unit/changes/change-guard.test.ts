import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ChangeGuard } from '../../../src/changes/change-guard.ts'
import { type ConfigInput, configSchema } from '../../../src/config/config.ts'

type Headers = Readonly<Record<string, string>>
type Admin = ConfigInput['admin']

const HOST = { host: '127.0.0.1:29000' }

function refusal(headers: Headers, admin: Admin = {}, isLocal: boolean | undefined = true) {
  const guard = new ChangeGuard(configSchema.parse({ admin }).admin, 'Machine-1')
  return guard.refusalOf({ header: name => headers[name], isLocal })?.code
}

suite('A change on the admin listener is accepted', () => {
  for (const [what, headers] of Object.entries<Headers>({
    'without other headers, as a program sends it': HOST,
    'from curl with -d and no content type': { ...HOST, 'content-type': 'application/x-www-form-urlencoded' },
    'as JSON': { ...HOST, 'content-type': 'application/json; charset=utf-8' },
    'typed by a person': { ...HOST, 'sec-fetch-site': 'none' },
    'from undici, which sends another Sec-Fetch header': { ...HOST, 'sec-fetch-mode': 'cors' },
    'for localhost': { host: 'LOCALHOST:29000' },
    'for localhost without a port': { host: 'localhost' },
    'for an IPv6 address': { host: '[::1]:29000' },
    'for another address of the machine': { host: '10.1.2.3:29000' },
    'for the name of the machine': { host: 'machine-1:29000' },
    'for a name with a final dot': { host: 'localhost.:29000' },
  }))
    test(what, () => assert.equal(refusal(headers), undefined))

  test('for a name that is configured, or any if all are', () => {
    assert.equal(refusal({ host: 'pdgw.ns.svc:29000' }, { allowedHosts: ['PDGW.ns.svc'] }), undefined)
    assert.equal(refusal({ host: 'pdgw.ns.svc:29000' }, { allowedHosts: ['*'] }), undefined)
  })
})

suite('A change on the admin listener is refused', () => {
  for (const [what, headers, code] of [
    ['with the Origin of a page', { ...HOST, origin: 'http://evil.example' }, 'forbidden'],
    ['with our own Origin', { ...HOST, origin: 'http://127.0.0.1:29000' }, 'forbidden'],
    ['with the Origin null', { ...HOST, origin: 'null' }, 'forbidden'],
    ['from a page of another site', { ...HOST, 'sec-fetch-site': 'cross-site' }, 'forbidden'],
    ['from a page of the same site', { ...HOST, 'sec-fetch-site': 'same-origin' }, 'forbidden'],
    ['for a foreign name', { host: 'evil.example:29000' }, 'forbidden'],
    ['for a name that begins like an address', { host: '127.0.0.1.evil.example' }, 'forbidden'],
    ['for an invalid name', { host: 'a:b:c' }, 'forbidden'],
    ['without a Host', {}, 'forbidden'],
    ['as text', { ...HOST, 'content-type': 'text/plain' }, 'unsupported-media-type'],
    ['as a form with files', { ...HOST, 'content-type': 'multipart/form-data' }, 'unsupported-media-type'],
    ['as something like JSON', { ...HOST, 'content-type': 'application/jsonp' }, 'unsupported-media-type'],
    ['through nginx', { ...HOST, 'x-real-ip': '10.0.0.9' }, 'forbidden'],
    ['through HAProxy', { ...HOST, 'x-forwarded-for': '10.0.0.9' }, 'forbidden'],
    ['through Caddy', { ...HOST, via: '1.1 Caddy' }, 'forbidden'],
    ['through a proxy of RFC 7239', { ...HOST, forwarded: 'for=10.0.0.9' }, 'forbidden'],
  ] as const)
    test(what, () => assert.equal(refusal(headers), code))

  test('from another machine', () => assert.equal(refusal(HOST, {}, false), 'forbidden'))
})

test('changes from other machines and through proxies can be allowed, those of pages not', () => {
  const admin = { allowRemoteChanges: true }
  assert.equal(refusal(HOST, admin, false), undefined)
  assert.equal(refusal({ ...HOST, 'x-forwarded-for': '10.0.0.9' }, admin, true), undefined)
  assert.equal(refusal({ ...HOST, origin: 'http://evil.example' }, admin, true), 'forbidden')
})

test('a key allows changes from anywhere, and nothing else does', () => {
  const admin = { key: 'secret-key', allowRemoteChanges: true }
  for (const headers of [{ authorization: 'Bearer secret-key' }, { 'x-admin-key': 'secret-key' }]) {
    assert.equal(
      refusal({ ...headers, host: 'a.example', 'x-forwarded-for': '1.2.3.4' }, admin, false),
      undefined,
    )
    assert.equal(refusal({ ...headers, 'content-type': 'text/plain' }, admin), 'unsupported-media-type')
  }
  for (const headers of [
    {},
    { authorization: 'Bearer wrong' },
    { authorization: 'secret-key' },
    { 'x-admin-key': '' },
  ])
    assert.equal(refusal({ ...HOST, ...headers }, admin), 'unauthorized')
})

test('only an Authorization with the key of this gateway is kept from engines', () => {
  const [keyed, open] = [{ key: 'secret-key' }, {}].map(
    admin => new ChangeGuard(configSchema.parse({ admin }).admin, 'machine'),
  )
  assert.ok(keyed && open)
  assert.ok(keyed.isKey('Bearer secret-key'))
  assert.ok(!keyed.isKey('Bearer key-of-engines'))
  assert.ok(!open.isKey('Bearer secret-key'))
})

test('on the main port any Host and any address is accepted, but no page and no proxy', () => {
  const guard = new ChangeGuard(configSchema.parse({}).admin, 'machine')
  const code = (headers: Headers) =>
    guard.refusalOf({ header: name => headers[name], isLocal: undefined })?.code
  assert.equal(code({ host: 'llm.example' }), undefined)
  assert.equal(code({ host: 'llm.example', origin: 'http://llm.example' }), 'forbidden')
  assert.equal(code({ host: 'llm.example', 'x-forwarded-for': '1.2.3.4' }), 'forbidden')
})
