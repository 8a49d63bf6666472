/** A log that cannot be written: the disk is full, or nobody reads the pipe. It costs lines, never requests. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync, symlinkSync, writeSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { openGateway } from '../support/gateway.ts'
import { listen } from '../support/listen.ts'
import { exitOf, PROGRAM } from '../support/program.ts'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dirname, '../..')

const LOGS: Readonly<Record<string, (t: TestContext, path: string) => void>> = {
  'is on a full disk': (_t, path) => symlinkSync('/dev/full', path),
  'is a pipe that nobody reads': (t, path) => void unreadPipe(t, path),
}

/** Returns a descriptor of the pipe, which keeps it open. */
function unreadPipe(t: TestContext, path: string): number {
  execFileSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  t.after(() => closeSync(fd))
  return fd
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pdgw-stalled-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

suite('While the log', () => {
  for (const [what, make] of Object.entries(LOGS)) {
    test(`${what}, failing requests are answered as ever, and the lines lost are counted`, async t => {
      const dir = folderOf(t)
      make(t, join(dir, 'pd-gateway.log'))
      const { origin, adminOrigin } = await openGateway(t, {
        fleet: { prefill: 1, decode: 1, knobs: { errorStatusProb: 0.5 } },
        config: {
          // Every failure is a line, and few of them are kept.
          log: { dir, burstLines: 1_000_000, bufferBytes: 1000 },
          retry: { maxRetries: 0 },
          breaker: { enabled: false },
        },
      })
      const statuses = await Promise.all(Array.from({ length: 600 }, () => statusOf(origin)))
      assert.ok(statuses.filter(status => status === 200).length > 50)
      assert.ok(statuses.filter(status => status === 500).length > 50)
      const metrics = await (await fetch(`${adminOrigin}/metrics`)).text()
      assert.match(metrics, /^pdgw_thread_lost_log_lines_total [1-9]/m)
    })
  }

  test('goes to a standard output that is full, and warnings to a full disk, the gateway starts, answers and stops', async t => {
    const pipe = unreadPipe(t, join(folderOf(t), 'stdout'))
    assert.throws(() => {
      for (;;) writeSync(pipe, Buffer.alloc(4096))
    }, /EAGAIN/)
    const port = await freePort()
    const [node = '', ...args] = PROGRAM
    // The ignored flag causes a warning on standard error.
    const flags = [
      '--worker-urls',
      'http://127.0.0.1:9',
      '--cache-threshold',
      '0.5',
      '--shutdown-settle-secs',
      '0',
    ]
    const ports = ['--host', '127.0.0.1', '--port', String(port), '--prometheus-port', '0']
    const errors = openSync('/dev/full', 'w')
    t.after(() => closeSync(errors))
    const child = spawn(node, [...args, ...flags, ...ports], { cwd: ROOT, stdio: ['ignore', pipe, errors] })
    t.after(() => child.kill('SIGKILL'))
    await until(() =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        ({ status }) => status === 200,
        () => false,
      ),
    )
    child.kill('SIGTERM')
    assert.deepEqual(await exitOf(child), [0, null])
  })
})

async function statusOf(origin: string): Promise<number> {
  const response = await fetch(`${origin}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'sim', prompt: 'Once', max_tokens: 2 }),
  })
  await response.arrayBuffer()
  return response.status
}

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await new Promise(resolve => server.close(resolve))
  return port
}
