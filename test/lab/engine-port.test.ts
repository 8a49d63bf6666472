/** Ports of the lab's engines. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { enginePort } from '../../lab/sglang/engines/engine-port.ts'

test('an engine gets a free port that no outgoing connection takes', async t => {
  const taken = await enginePort()
  assert.ok(taken < 32_768)
  const server = createServer().listen(taken, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const chances = [(taken - 12_000 + 0.5) / 20_000, 0.25, 0.5, 0.75]
  const port = await enginePort(1, () => chances.shift() ?? 0.9)
  assert.notEqual(port, taken)
  const before = [(taken - 12_001 + 0.5) / 20_000, 0.25, 0.5, 0.75]
  const first = await enginePort(2, () => before.shift() ?? 0.9)
  assert.notEqual(first, taken - 1, 'the port after the first must be free, too')
})
