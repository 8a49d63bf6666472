/** `pd-gateway demo` and `simulate` as processes. Everything takes free ports, except what a test has occupied. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { exitOf, PROGRAM } from '../support/program.ts'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dirname, '../..')
const FREE_PORTS = ['--port', '0', '--prometheus-port', '0', '--base-port', '0'] as const

interface Running {
  readonly child: ChildProcess
  readonly output: () => string
}

function run(t: TestContext, words: readonly string[]): Running {
  const [file = '', ...before] = PROGRAM
  // In a process group of its own, to which a terminal would send the signal of Ctrl-C.
  const child = spawn(file, [...before, ...words], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  t.after(async () => {
    interrupt(child, 'SIGKILL')
    await exitOf(child)
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => (text += bytes.toString()))
  return { child, output: () => text }
}

/** Signals the whole process group. @returns false if no process of it is left. */
function interrupt({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return pid !== undefined && process.kill(-pid, signal)
  } catch {
    return false
  }
}

async function ready(running: Running): Promise<string> {
  const { child, output } = running
  await until(
    () => output().includes('Ctrl-C') || child.exitCode !== null,
    'the demo has printed its addresses',
  )
  return output()
}

function addressIn(text: string, name: string): string {
  return new RegExp(`^${name}: +(\\S+)$`, 'm').exec(text)?.[1] ?? assert.fail(`no ${name} address in ${text}`)
}

async function chat(api: string): Promise<number> {
  const response = await fetch(`${api}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"sim","max_tokens":3,"messages":[{"role":"user","content":"Hello"}]}',
  })
  await response.arrayBuffer()
  return response.status
}

/** Opens a stream of as many tokens; resolves after the first of them with a function that reads the rest. */
async function openStream(api: string, tokens: number): Promise<() => Promise<string>> {
  const response = await fetch(`${api}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'sim', prompt: 'Hello', max_tokens: tokens, stream: true }),
  })
  const reader = response.body?.getReader() ?? assert.fail('no body')
  const decoder = new TextDecoder()
  const first = decoder.decode((await reader.read()).value, { stream: true })
  return async () => {
    let text = first
    for (let read = await reader.read(); !read.done; read = await reader.read())
      text += decoder.decode(read.value, { stream: true })
    return text
  }
}

async function isListening(url: string): Promise<boolean> {
  return fetch(url).then(
    response => response.arrayBuffer().then(() => true),
    () => false,
  )
}

async function occupiedPort(t: TestContext): Promise<string> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  return String(typeof address === 'object' ? address?.port : undefined)
}

suite('the demo', { concurrency: 2 }, () => {
  for (const [flags, mode, roles, ending] of [
    [['--workers', '2', '--policy', 'power_of_two'], 'pd', 'decode decode prefill prefill', 'Ctrl-C'],
    [['--mixed-count', '2'], 'mixed', 'mixed mixed', 'SIGKILL'],
  ] as const) {
    test(`with ${flags.join(' ')} serves at the addresses that it prints, and ${ending} ends all its processes`, async t => {
      const running = run(t, ['demo', ...flags, ...FREE_PORTS])
      const text = await ready(running)
      assert.equal(text.match(/engine is healthy/g)?.length, roles.split(' ').length)
      assert.equal(await chat(addressIn(text, 'API')), 200)
      const metrics = await (await fetch(addressIn(text, 'Metrics'))).text()
      assert.match(metrics, /^pdgw_router_threads \d+$/m)
      const engines = await (await fetch(addressIn(text, 'Admin'))).text()
      assert.deepEqual(
        [...engines.matchAll(/"role":"(\w+)"/g)]
          .map(match => match[1] ?? '')
          .toSorted((a, b) => a.localeCompare(b))
          .join(' '),
        roles,
      )
      assert.match(text, new RegExp(`mode=${mode}\\b`))

      const rest = await openStream(addressIn(text, 'API'), 60)
      if (ending === 'Ctrl-C') {
        // Everything in the group gets the signal, but the open stream needs its engines to the end.
        interrupt(running.child, 'SIGINT')
        assert.match(await rest(), /"finish_reason":"length"[^]*data: \[DONE\]\n\n$/)
        assert.deepEqual(await exitOf(running.child), [0, null])
        assert.doesNotMatch(running.output(), /broken|ECONNRESET/)
        assert.match(running.output(), / stopped\n$/)
      } else {
        running.child.kill('SIGKILL')
        await assert.rejects(rest())
      }
      await until(() => !interrupt(running.child, 0), 'no process of the demo is left')
      for (const [, url = ''] of engines.matchAll(/"url":"([^"]+)"/g))
        await until(async () => !(await isListening(url)), `the engine ${url} has ended`)
    })
  }

  for (const flag of ['--port', '--prometheus-port', '--base-port']) {
    test(`ends with an error that names ${flag} when its port is in use, and leaves no process`, async t => {
      const port = await occupiedPort(t)
      const free = FREE_PORTS.join(' ').replace(`${flag} 0`, `${flag} ${port}`).split(' ')
      const running = run(t, ['demo', ...free])
      assert.deepEqual(await exitOf(running.child), [1, null])
      await until(() => !interrupt(running.child, 0), 'no process of the demo is left')
      assert.match(running.output(), new RegExp(`${flag}\\b`))
      assert.ok(running.output().includes(port))
    })
  }
})

test('simulate with mixed engines alone prints a gateway command that serves them', async t => {
  const words = ['simulate', '--mixed-count', '1', '--prefill-count', '0', '--decode-count', '0']
  const text = await ready(run(t, words))
  const url = /--worker-urls \\\n +(http:\S+)/.exec(text)?.[1] ?? assert.fail(text)
  assert.doesNotMatch(text, /--pd-disaggregation/)
  assert.equal(await chat(url), 200)
})
