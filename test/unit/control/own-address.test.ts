import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOwnAddress } from '../../../src/control/own-address.ts'

const CASES: readonly [string, string, boolean][] = [
  ['http://127.0.0.1:30000', '0.0.0.0', true],
  ['http://localhost:30000', '0.0.0.0', true],
  ['http://0.0.0.0:30000', '0.0.0.0', true],
  ['http://[::1]:30000', '::', true],
  ['http://127.0.0.1:30000', '127.0.0.1', true],
  ['http://0.0.0.0:30000', '127.0.0.1', true],
  ['http://127.0.0.1:30001', '0.0.0.0', false],
  ['http://192.0.2.1:30000', '0.0.0.0', false],
  ['http://127.0.0.2:30000', '127.0.0.1', false],
  ['http://127.0.0.1:30000', '192.0.2.1', false],
]

for (const [url, host, isOwn] of CASES) {
  test(`${url} is ${isOwn ? '' : 'not '}a gateway that listens on ${host}:30000`, async () => {
    assert.equal(await isOwnAddress(url, [{ host, port: 30_000 }]), isOwn)
  })
}

test('a URL without a port has that of its scheme', async () => {
  assert.equal(await isOwnAddress('http://127.0.0.1', [{ host: '0.0.0.0', port: 80 }]), true)
  assert.equal(await isOwnAddress('https://127.0.0.1', [{ host: '0.0.0.0', port: 80 }]), false)
})
