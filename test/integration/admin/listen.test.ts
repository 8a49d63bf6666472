/** An admin listener whose address cannot be used. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { listenAdmin } from '../../../src/admin/admin-server.ts'
import { listen } from '../../support/listen.ts'

const HANDLER = { handle: () => ({ status: 200, headers: [], body: Buffer.alloc(0) }) }

test('the error names the address and the flags that set it', async t => {
  const taken = createServer()
  t.after(() => taken.close())
  const port = await listen(taken)
  const address = { host: '127.0.0.1', port, flag: '--prometheus-port', what: 'metrics and admin' }
  await assert.rejects(
    listenAdmin(HANDLER, address, { max: 4, onFull: () => {} }),
    new RegExp(`127\\.0\\.0\\.1:${port} for metrics and admin \\(--host, --prometheus-port\\): .*EADDRINUSE`),
  )
})
