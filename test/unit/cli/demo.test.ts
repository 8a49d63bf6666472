import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCli } from '../../../src/cli/program.ts'
import type { Config } from '../../../src/config/config.ts'

/** A program that stands in for `pd-gateway simulate` in the child process. */
const CHILD = `
process.send({ prefill: [{ url: 'http://127.0.0.1:1', bootstrapPort: 2 }], decode: [{ url: 'http://127.0.0.1:3' }] })
process.on('disconnect', () => process.exit(0))
process.on('message', () => undefined)`

function moduleOf(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'pdgw-demo-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'main.mjs')
  writeFileSync(path, text)
  return path
}

async function demo(mainPath: string, ...flags: readonly string[]) {
  const signals = new EventEmitter()
  const seen: { config?: Config; text: string } = { text: '' }
  const code = await runCli(
    ['demo', '--port', '0', ...flags],
    {},
    {
      startGateway: async config => {
        seen.config = config
        setImmediate(() => signals.emit('SIGINT'))
        return {
          port: 4321,
          whenReady: async () => true,
          drain: async () => undefined,
          close: async () => undefined,
        }
      },
      startFleet: async () => assert.fail('the engines run in a child process'),
      signals,
      mainPath,
      out: text => void (seen.text += text),
      err: text => void (seen.text += text),
    },
  )
  return { code, config: seen.config, text: seen.text }
}

test('the demo puts a gateway before engines of another process and prints lines to try', async t => {
  const { code, config, text } = await demo(moduleOf(t, CHILD))
  assert.equal(code, 0)
  assert.deepEqual(config?.engines.prefill, [{ url: 'http://127.0.0.1:1', bootstrapPort: 2 }])
  assert.equal(config?.server.host, '127.0.0.1')
  for (const path of ['/v1/chat/completions', '/generate'])
    assert.ok(text.includes(`http://127.0.0.1:4321${path}`))
  assert.match(text, /Ctrl-C stops it/)
})

test('the demo shows what retries save, and says as much as it is told to', async t => {
  const path = moduleOf(t, CHILD)
  assert.equal((await demo(path)).config?.retry.maxRetries, 5)
  const { config } = await demo(path, '--disable-retries', '--log-level', 'error')
  assert.equal(config?.retry.maxRetries, 0)
  assert.equal(config?.log.level, 'error')
})

test('the demo says so when its engines do not start', async t => {
  const { code, text } = await demo(moduleOf(t, 'process.exit(1)'))
  assert.equal(code, 1)
  assert.match(text, /simulated engines could not be started/)
})
